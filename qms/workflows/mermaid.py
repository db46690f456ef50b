"""A workflow as Mermaid, for a page of text: states, steps between them, nothing a title could break out of."""

from qms.workflows.definition import Definition


def mermaid(definition: Definition, profile: str, language: str) -> str:
    """The workflow as a Mermaid state diagram, titles in ``language``."""
    lines = ["stateDiagram-v2"]
    for state in definition.states_in(profile):
        lines.append(f'    state "{_quoted(state.title[language])}" as {state.name}')
    lines.append(f"    [*] --> {definition.initial.name}: {_quoted(definition.opening.title[language])}")
    for step in definition.steps_in(profile):
        for source in step.sources:
            lines += [f"    {source} --> {target or source}: {_quoted(step.title[language])}" for target in step.targets]
    lines += [f"    {state.name} --> [*]" for state in definition.states_in(profile) if state.kind == "final"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A title that Mermaid reads as nothing but words."""
    return "".join(mark if mark.isalnum() or mark in " .,'’()/-–€%?!«»" else " " for mark in " ".join(text.split()))
