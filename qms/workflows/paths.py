"""Counts what the shortest way to each end of a workflow asks of people: acts, fields to fill in, files to attach.

What people meet first is the small profile; that it asks little is held by numbers, not by impression.
"""

from dataclasses import dataclass

from qms.workflows.definition import SYS, Definition, State
from qms.workflows.model import traces


@dataclass(frozen=True)
class Path:
    """The shortest way to ``end``: how many acts of people, fields that must be filled and files that must be there; each counted once."""

    end: State
    acts: int
    fields: int
    files: int


def paths(definition: Definition, profile: str) -> tuple[Path, ...]:
    """One for each end that people of ``profile`` can reach, the opening counted as an act."""
    found = []
    for name, trace in traces(definition, profile).items():
        steps = [step for step in (definition.step(one) for one in trace) if step is not None and step.by != (SYS,)]
        # What the program fills is no work: values from a notice, defaults, what is reckoned.
        own = {one.name for one in definition.fields.values() if one.source is None and one.default is None and one.computed is None}
        fields = {wanted.name for step in steps for wanted in step.asks if wanted.required} & own
        files = {(wanted.name, step.name if wanted.is_fresh else "") for step in steps for wanted in step.evidence if wanted.required}
        if definition.states[name].is_end:
            found.append(Path(definition.states[name], len(steps), len(fields), len(files)))
    return tuple(found)
