"""Where the shapes and lines of a BPMN diagram stand: our own layout of rows, its lines brought to the edges of diamonds and circles."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from qms.workflows.definition import State
from qms.workflows.layout import HEIGHT, Edge, lay_out, wrapped

SIZES = {"task": (152, 60), "gateway": (50, 50), "event": (36, 36)}
NOTE = (190, 46)
BESIDE = 40
Point = tuple[float, float]
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Drawn:
    """Shapes and labels with x, y, width, height; lines with their points."""

    shapes: Mapping[str, Bounds]
    labels: Mapping[str, Bounds]
    flows: Mapping[tuple[str, str], tuple[Point, ...]]
    lines: Mapping[str, tuple[Point, ...]]


def drawn(kinds: Mapping[str, str], flows: Sequence[tuple[str, str]], notes: Sequence[tuple[str, str | None]]) -> Drawn:
    """Place nodes (id → kind) in rows along their ``flows``; ``notes`` (id, what it stands beside) stand in a column to the right."""
    nodes = [State(id, {}, None, "normal", None, 0) for id in kinds]
    edges = [Edge(source, target, (), False) for source, target in dict.fromkeys(flows)]
    made = lay_out(nodes, {id: wrapped(id) for id in kinds}, edges, ())
    shapes, labels = {}, {}
    for id, (x, y) in made.places.items():
        width, height = SIZES[kinds[id]]
        shapes[id] = (x - width / 2, y - height / 2, float(width), float(height))
        if kinds[id] != "task":
            labels[id] = (x + width / 2 + 4, y - 28, 96.0, 28.0)
    ways = {}
    for (source, target), route in made.routes.items():
        first, *between, last = _points(route.d)
        start, end = made.places[source], made.places[target]
        ways[source, target] = (*_leave(kinds[source], start, first, 1), *between, *reversed(_leave(kinds[target], end, last, -1)))
    lines, x, y = {}, float(made.width + BESIDE), 0.0
    for id, beside in sorted(notes, key=lambda note: made.places[note[1]][1] if note[1] is not None else 0):
        at = made.places[beside][1] if beside is not None else 0.0
        y = max(y, at - NOTE[1] / 2, 0.0)
        shapes[id] = (x, y, float(NOTE[0]), float(NOTE[1]))
        if beside is not None:
            left, top, wide, high = shapes[beside]
            lines[id] = ((left + wide, top + high / 2), (x, y + NOTE[1] / 2))
        y += NOTE[1] + 12
    return Drawn(shapes, labels, ways, lines)


def _points(d: str) -> list[Point]:
    """The corners of a route: of a curve its two ends."""
    found: list[Point] = []
    for letter, rest in re.findall(r"([MCVH])([^MCVH]*)", d):
        numbers = [float(number) for number in rest.split()]
        x, y = found[-1] if found else (0.0, 0.0)
        found.append((numbers[0], y) if letter == "H" else (x, numbers[0]) if letter == "V" else (numbers[-2], numbers[-1]))
    return found


def _leave(kind: str, middle: Point, port: Point, way: int) -> list[Point]:
    """From the edge of a shape to where its line leaves the row: downward with ``way`` 1, upward with -1."""
    (x, y), aside = middle, port[0] - middle[0]
    border = (port[0], y + way * HEIGHT / 2)
    if kind == "task":
        reach = min(max(aside, -SIZES[kind][0] / 2), SIZES[kind][0] / 2)
        return [(x + reach, y + way * SIZES[kind][1] / 2), border]
    half = SIZES[kind][0] / 2
    if abs(aside) > half - 2:
        return [(x + (half if aside > 0 else -half), y), (port[0], y), border]
    depth = half - abs(aside) if kind == "gateway" else sqrt(half * half - aside * aside)
    return [(port[0], y + way * depth), border]
