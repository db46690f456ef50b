"""Where things stand on a diagram: states in rows along the normal path, lines between them that never run through a state."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from qms.workflows.definition import State

WIDTH, HEIGHT = 168, 62
BADGE = 10
BESIDE, MARGIN, LANE, TRACK, GAP = 44, 26, 16, 9, 42
LETTERS = 22


@dataclass(frozen=True)
class Wrapped:
    """A title in lines that fit into a state's box."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Edge:
    """A line from one state to another and the steps it stands for."""

    source: str
    target: str
    steps: tuple[str, ...]
    taken: bool


@dataclass(frozen=True)
class Route:
    """How a line runs, where its numbers sit, and whether it goes back."""

    d: str
    badge: tuple[float, float]
    back: bool


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    places: Mapping[str, tuple[float, float]]
    """Middle of each state."""
    routes: Mapping[tuple[str, str], Route]


def wrapped(title: str) -> Wrapped:
    """``title`` in at most three lines; what does not fit ends in an ellipsis (the whole stands in the box's own title)."""
    lines: list[str] = [""]
    for word in title.split():
        while len(word) > LETTERS:
            lines += [word[: LETTERS - 1] + "-", ""]
            word = word[LETTERS - 1 :]
        grown = f"{lines[-1]} {word}".strip()
        if len(grown) <= LETTERS:
            lines[-1] = grown
        else:
            lines.append(word)
    kept = [line for line in lines if line]
    return Wrapped(tuple(kept[:3])) if len(kept) <= 3 else Wrapped((*kept[:2], kept[2][: LETTERS - 1] + "…"))


def lay_out(states: Sequence[State], labels: Mapping[str, Wrapped], edges: Sequence[Edge], aside: Collection[str]) -> Drawing:
    """Place the states and route the lines. ``aside`` are states without lines of their own: they stand in the last rows."""
    rows = _rows(states, edges, aside)
    rank = {name: index for index, row in enumerate(rows) for name in row}
    widest = max(len(row) for row in rows)
    long = [edge for edge in edges if edge.source != edge.target and rank[edge.target] != rank[edge.source] + 1]
    right = [edge for edge in long if rank[edge.target] > rank[edge.source]]
    left = [edge for edge in long if rank[edge.target] <= rank[edge.source]]
    tracks = _tracks(rows, rank, edges)
    inner = widest * WIDTH + (widest - 1) * BESIDE
    start = MARGIN + LANE * (len(left) + 1)
    tops, y = [], float(MARGIN + 12)
    for index in range(len(rows)):
        tops.append(y)
        y += HEIGHT + GAP + TRACK * tracks[index]
    places = {}
    for index, row in enumerate(rows):
        used = len(row) * WIDTH + (len(row) - 1) * BESIDE
        for column, name in enumerate(row):
            x = start + (inner - used) / 2 + column * (WIDTH + BESIDE) + WIDTH / 2
            places[name] = (x, tops[index] + HEIGHT / 2)
    router = _Router(places, rank, tops, start, start + inner, edges)
    lanes: dict[tuple[str, str], int] = {}
    for side in (right, left):
        side.sort(key=lambda edge: abs(rank[edge.target] - rank[edge.source]))
        lanes |= {(edge.source, edge.target): index for index, edge in enumerate(side)}
    routes = {(edge.source, edge.target): router.route(edge, lanes.get((edge.source, edge.target), 0)) for edge in edges}
    width = start + inner + LANE * (len(right) + 1) + MARGIN
    return Drawing(int(width), int(y - GAP + MARGIN + 20), places, routes)


def _rows(states: Sequence[State], edges: Sequence[Edge], aside: Collection[str]) -> list[list[str]]:
    order = {state.name: index for index, state in enumerate(states)}
    rank = _ranks(states, edges, order)
    rows: dict[int, list[str]] = {}
    for state in states:
        if state.name not in aside:
            rows.setdefault(rank[state.name], []).append(state.name)
    found = [rows[index] for index in sorted(rows)]
    for _ in range(4):
        _sweep(found, edges)
    last = [state.name for state in states if state.name in aside]
    return [*found, *(last[index : index + 3] for index in range(0, len(last), 3))]


def _ranks(states: Sequence[State], edges: Sequence[Edge], order: Mapping[str, int]) -> dict[str, int]:
    """The longest way from the start along lines that go forward in the order of the file."""
    rank = {state.name: 0 for state in states}
    for state in states:
        for edge in edges:
            if edge.source == state.name and order[edge.target] > order[edge.source]:
                rank[edge.target] = max(rank[edge.target], rank[edge.source] + 1)
    return rank


def _sweep(rows: list[list[str]], edges: Sequence[Edge]) -> None:
    """Put each state below the middle of those that lead to it."""
    for above, row in itertools.pairwise(rows):
        column = {name: index - (len(above) - 1) / 2 for index, name in enumerate(above)}
        middle = {}
        for index, name in enumerate(row):
            leading = [column[edge.source] for edge in edges if edge.target == name and edge.source in column]
            middle[name] = sum(leading) / len(leading) if leading else index - (len(row) - 1) / 2
        row.sort(key=lambda name: middle[name])


def _tracks(rows: Sequence[Sequence[str]], rank: Mapping[str, int], edges: Sequence[Edge]) -> list[int]:
    """How many lines run across below each row."""
    found = [0] * len(rows)
    for edge in edges:
        if edge.source != edge.target and rank[edge.target] != rank[edge.source] + 1:
            found[rank[edge.source]] += 1
            if rank[edge.target] > 0:
                found[rank[edge.target] - 1] += 1
    return found


class _Router:
    """Runs lines between rows: out at the bottom, across below the row, along a margin, across above the target, in at the top."""

    def __init__(
        self,
        places: Mapping[str, tuple[float, float]],
        rank: Mapping[str, int],
        tops: Sequence[float],
        left: float,
        right: float,
        edges: Sequence[Edge],
    ) -> None:
        self.places, self.rank, self.tops, self.left, self.right = places, rank, tops, left, right
        self._used_below = [0] * len(tops)
        self._taken: list[tuple[float, float]] = []
        self._out = _ports(edges, places, rank, outgoing=True)
        self._in = _ports(edges, places, rank, outgoing=False)

    def route(self, edge: Edge, lane: int) -> Route:
        (x1, y1), (x2, y2) = self.places[edge.source], self.places[edge.target]
        if edge.source == edge.target:
            return self._loop(x1, y1, len(edge.steps))
        start, end = x1 + self._out[edge.source, edge.target], x2 + self._in[edge.source, edge.target]
        bottom, top = y1 + HEIGHT / 2, y2 - HEIGHT / 2
        step = self.rank[edge.target] - self.rank[edge.source]
        if step == 1:
            bend = (top - bottom) * 0.45
            d = f"M{start:g} {bottom:g} C{start:g} {bottom + bend:g} {end:g} {top - bend:g} {end:g} {top - 1:g}"
            points = [_on_curve(start, bottom, end, top, bend, t) for t in (0.5, 0.35, 0.65, 0.22, 0.78)]
            return Route(d, self._free(points, len(edge.steps)), False)
        back = step <= 0
        x = self.left - LANE * (lane + 1) if back else self.right + LANE * (lane + 1)
        below = bottom + 12 + TRACK * self._next(self.rank[edge.source])
        row = self.rank[edge.target] - 1
        above = self.tops[row] + HEIGHT + 12 + TRACK * self._next(row) if row >= 0 else top - 16 - TRACK * lane
        d = f"M{start:g} {bottom:g} V{below:g} H{x:g} V{above:g} H{end:g} V{top - 1:g}"
        low, high = sorted((below, above))
        points = [(x, low + (high - low) * t) for t in (0.5, 0.35, 0.65, 0.22, 0.78, 0.1, 0.9)]
        return Route(d, self._free(points, len(edge.steps)), back)

    def _next(self, row: int) -> int:
        self._used_below[row] += 1
        return self._used_below[row] - 1

    def _loop(self, x: float, y: float, count: int) -> Route:
        side = x + WIDTH / 2
        d = f"M{side:g} {y - 14:g} C{side + 26:g} {y - 18:g} {side + 26:g} {y + 18:g} {side + 1:g} {y + 14:g}"
        return Route(d, (side + 20 + (count - 1) * BADGE, y), False)

    def _free(self, points: Sequence[tuple[float, float]], count: int) -> tuple[float, float]:
        """The first of ``points`` where the numbers overlap no others."""
        for x, y in points:
            mine = [(x - (count - 1) * BADGE + 2 * BADGE * index, y) for index in range(count)]
            if all(abs(ax - bx) >= 2 * BADGE or abs(ay - by) >= 2 * BADGE for ax, ay in mine for bx, by in self._taken):
                self._taken += mine
                return x, y
        return points[0]


def _ports(
    edges: Sequence[Edge], places: Mapping[str, tuple[float, float]], rank: Mapping[str, int], outgoing: bool
) -> dict[tuple[str, str], float]:
    """How far from the middle of its box each line leaves or arrives: what turns to a margin leaves on that side.

    Lines that arrive stand a little aside from those that leave the box above, so that no two lie on one another.
    """
    at: dict[str, list[Edge]] = {}
    for edge in edges:
        if edge.source != edge.target:
            at.setdefault(edge.source if outgoing else edge.target, []).append(edge)
    found = {}
    for here in at.values():
        here.sort(key=lambda edge: (_side(edge, rank), places[edge.target if outgoing else edge.source]))
        room = min(26.0, (WIDTH - 24) / len(here))
        for index, edge in enumerate(here):
            found[edge.source, edge.target] = (index - (len(here) - 1) / 2) * room + (0 if outgoing else 7)
    return found


def _side(edge: Edge, rank: Mapping[str, int]) -> int:
    """Left margin, between the rows, right margin."""
    step = rank[edge.target] - rank[edge.source]
    return -1 if step <= 0 else 0 if step == 1 else 1


def _on_curve(x1: float, y1: float, x2: float, y2: float, bend: float, t: float) -> tuple[float, float]:
    a, b, c, d = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
    return (a + b) * x1 + (c + d) * x2, a * y1 + b * (y1 + bend) + c * (y2 - bend) + d * y2
