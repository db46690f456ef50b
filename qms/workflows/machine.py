"""Moves a case from state to state along the steps its definition has, and along no other way.

One machine per definition, shared by all its cases: the state is set from the row before a step and read back after it. Nothing from a
workflow file is ever handed over as the name of a callback.
"""

from transitions import Machine, MachineError

from qms.workflows.definition import Definition


class Place:
    """Where one case stands while it takes one step."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


class Ways:
    """All ways between the states of one definition in one profile."""

    def __init__(self, definition: Definition, profile: str) -> None:
        steps = [step for step in definition.steps_in(profile) if step.sources]
        self._machine = Machine(
            model=None,
            states=[state.name for state in definition.states.values()],
            initial=definition.initial.name,
            transitions=[
                {"trigger": _way(step.name, target), "source": list(step.sources), "dest": target or "="}
                for step in steps
                for target in step.targets
            ],
            auto_transitions=False,
        )
        self._sources = {step.name: frozenset(step.sources) for step in steps}

    def leads(self, state: str, step: str) -> bool:
        """Whether ``step`` can be taken from ``state``."""
        return state in self._sources.get(step, ())

    def take(self, state: str, step: str, target: str | None) -> str:
        """The state after ``step`` towards ``target``, None for staying. Raises ValueError when it does not lead there from ``state``."""
        place = Place(state)
        try:
            self._machine.events[_way(step, target)].trigger(place)
        except (MachineError, KeyError) as error:
            raise ValueError(f"{step} does not lead from {state}") from error
        return place.state


def _way(step: str, target: str | None) -> str:
    return f"{step}>{target or '='}"
