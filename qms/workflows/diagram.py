"""Draws a workflow so that one sees where a case stands and which way it came; the same is said in words by ``steps``, and
for a page of text by ``mermaid``.

Rows run from top to bottom along the normal path. A step to the next row is a line; one that skips rows runs down the right margin, one
that goes back up the left, dashed. A state that many others may leave for (a withdrawal) is not drowned in arrows: it says from how
many it is reached. Numbers on the lines are those of the list beside.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product

from qms.locale import say
from qms.workflows.definition import Definition, State
from qms.workflows.layout import BADGE, HEIGHT, WIDTH, Drawing, Edge, Wrapped, lay_out, wrapped
from qms.workflows.step import Step

MANY = 5
"""From so many states on, a target gets a note instead of arrows."""

Path = Collection[tuple[str | None, str, str]]
"""The way a case came: (state before, step, state after)."""


@dataclass(frozen=True)
class Line:
    """One step in words. ``number`` is the one on the diagram; ``sources`` and ``target`` are titles."""

    number: int
    step: Step
    title: str
    sources: tuple[str, ...]
    target: str
    taken: bool


def steps(definition: Definition, profile: str, language: str, path: Path = ()) -> list[Line]:
    """Every step of ``profile`` in the order of the file, numbered as on the diagram."""
    titles = {state.name: state.title[language] for state in definition.states.values()}
    taken = {step for _, step, _ in path}
    found = []
    for number, step in enumerate(definition.steps_in(profile), 1):
        sources = tuple(titles[name] for name in step.sources)
        target = " / ".join(titles[name] if name else say(language, "diagram.stays") for name in step.targets)
        found.append(Line(number, step, step.title[language], sources, target, step.name in taken))
    return found


def draw(
    definition: Definition, profile: str, language: str, *, current: str | None = None, path: Path = (), link: str | None = None
) -> str:
    """The diagram as SVG, without scripts and styles. ``link`` is what the address of a step begins with (``#step-``)."""
    states = list(definition.states_in(profile))
    edges, many = _edges(definition, profile, states, path)
    labels = {state.name: wrapped(state.title[language]) for state in states}
    drawing = lay_out(states, labels, edges, many)
    numbers = {step.name: number for number, step in enumerate(definition.steps_in(profile), 1)}
    titles = {step.name: step.title[language] for step in definition.steps_in(profile)}
    visited = {state for before, _, after in path for state in (before, after) if state is not None}
    title = say(language, "diagram.title", title=definition.title[language])
    about = say(language, "diagram.summary", states=str(len(states)), steps=str(len(numbers)))
    if current is not None:
        about += " " + say(language, "diagram.here", state=definition.states[current].title[language])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" viewBox="0 0 {drawing.width} {drawing.height}" width="{drawing.width}" '
        f'height="{drawing.height}" role="{"group" if link else "img"}" aria-label="{escape(title)}" lang="{language}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="currentColor">',
        f"<title>{escape(title)}</title><desc>{escape(about)}</desc>",
        _marker(),
    ]
    parts += [_line(drawing, edge) for edge in sorted(edges, key=lambda edge: edge.taken)]
    parts += [_state(drawing, state, labels[state.name], state.name == current, state.name in visited, language) for state in states]
    parts += [_note(drawing, name, count, language) for name, count in many.items()]
    parts += [_badges(drawing, edge, numbers, titles, link) for edge in edges]
    return "".join(parts) + "</svg>"


def _edges(definition: Definition, profile: str, states: Sequence[State], path: Path) -> tuple[list[Edge], dict[str, int]]:
    """Lines between states, steps between the same two together, and the states that are reached from many."""
    known = {state.name for state in states}
    between: dict[tuple[str, str], list[str]] = {}
    for step in definition.steps_in(profile):
        for source, to in product(step.sources, step.targets):
            target = to or source
            if {source, target} <= known:
                between.setdefault((source, target), []).append(step.name)
    reached: dict[str, set[str]] = {}
    for source, target in between:
        if source != target:
            reached.setdefault(target, set()).add(source)
    many = {target: len(sources) for target, sources in reached.items() if len(sources) >= MANY and definition.states[target].is_end}
    came = {(before, after, step) for before, step, after in path}
    edges = []
    for (source, target), names in between.items():
        taken = any((source, target, name) in came for name in names)
        if target not in many or taken:
            edges.append(Edge(source, target, tuple(names), taken))
    return edges, many


def _marker() -> str:
    size = 'markerUnits="userSpaceOnUse" markerWidth="10" markerHeight="10" orient="auto-start-reverse"'
    shape = '<path d="M0 0 L8 4 L0 8 z" fill="currentColor"/>'
    return f'<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" {size}>{shape}</marker></defs>'


def _line(drawing: Drawing, edge: Edge) -> str:
    route = drawing.routes[edge.source, edge.target]
    kind = "step step-taken" if edge.taken else "step"
    width = "3" if edge.taken else "1.25"
    dash = ' stroke-dasharray="5 4"' if route.back and not edge.taken else ""
    return f'<path class="{kind}" d="{route.d}" fill="none" stroke="currentColor" stroke-width="{width}"{dash} marker-end="url(#arrow)"/>'


def _state(drawing: Drawing, state: State, label: Wrapped, current: bool, visited: bool, language: str) -> str:
    x, y = drawing.places[state.name]
    kind = " ".join(["state", f"state-{state.kind}", *(["is-current"] if current else []), *(["is-visited"] if visited else [])])
    radius = 20 if state.kind == "initial" else 6
    top, height = y - HEIGHT / 2, HEIGHT
    width = "3.5" if current else "2" if visited else "1.25"
    box = (
        f'<rect x="{x - WIDTH / 2:g}" y="{top:g}" width="{WIDTH}" height="{height}" rx="{radius}" fill="Canvas" stroke="currentColor" '
        f'stroke-width="{width}"/>'
    )
    if state.is_end:
        dash = ' stroke-dasharray="3 3"' if state.kind == "settled" else ""
        box += (
            f'<rect x="{x - WIDTH / 2 + 4:g}" y="{top + 4:g}" width="{WIDTH - 8}" height="{height - 8}" rx="3" fill="none" '
            f'stroke="currentColor" stroke-width="1"{dash}/>'
        )
    weight = ' font-weight="bold"' if current else ""
    lines = label.lines
    start = y + 4.5 - 8 * (len(lines) - 1) - (7 if current else 0)
    text = "".join(f'<tspan x="{x:g}" y="{start + 16 * index:g}">{escape(line)}</tspan>' for index, line in enumerate(lines))
    now = escape(say(language, "diagram.now"))
    here = f'<text class="here" x="{x:g}" y="{y + HEIGHT / 2 - 8:g}" text-anchor="middle" font-size="11">● {now}</text>' if current else ""
    inner = f'{box}<text text-anchor="middle"{weight}>{text}</text>{here}'
    return f'<g class="{kind}"><title>{escape(state.title[language])}</title>{inner}</g>'


def _note(drawing: Drawing, name: str, count: int, language: str) -> str:
    x, y = drawing.places[name]
    words = escape(say(language, "diagram.from_many", number=str(count)))
    return f'<text class="note" x="{x:g}" y="{y + HEIGHT / 2 + 14:g}" text-anchor="middle" font-size="11">{words}</text>'


def _badges(drawing: Drawing, edge: Edge, numbers: Mapping[str, int], titles: Mapping[str, str], link: str | None) -> str:
    """The numbers of the steps that a line stands for, one circle each."""
    x, y = drawing.routes[edge.source, edge.target].badge
    start = x - (len(edge.steps) - 1) * BADGE
    return "".join(_badge(start + 2 * BADGE * index, y, name, numbers, titles, link) for index, name in enumerate(edge.steps))


def _badge(x: float, y: float, name: str, numbers: Mapping[str, int], titles: Mapping[str, str], link: str | None) -> str:
    circle = f'<circle cx="{x:g}" cy="{y:g}" r="{BADGE - 1}" fill="Canvas" stroke="currentColor" stroke-width="1"/>'
    number = f'<text x="{x:g}" y="{y + 3.5:g}" text-anchor="middle" font-size="10">{numbers[name]}</text>'
    inner = f'<g class="badge"><title>{numbers[name]}. {escape(titles[name])}</title>{circle}{number}</g>'
    return f'<a href="{escape(link + name)}">{inner}</a>' if link else inner


def in_words(lines: Iterable[Line], language: str) -> list[str]:
    """The list that stands for the diagram where it cannot be seen."""
    done = say(language, "diagram.taken")
    return [
        f"{line.number}. {line.title}: {', '.join(line.sources)} → {line.target}" + (f" ({done})" if line.taken else "") for line in lines
    ]


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
