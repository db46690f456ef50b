"""Shows what changed between two texts, line by line, as an approver must see it before signing. ISO 9001 §7.5.3.2 c."""

from dataclasses import dataclass
from difflib import SequenceMatcher

LIMIT = 6_000


@dataclass(frozen=True)
class Line:
    """One line of a comparison: ``kind`` is "same", "gone", "come" or "gap" (lines alike left out); numbers are those of each text."""

    kind: str
    old: int | None
    new: int | None
    text: str


def source(old: str, new: str, context: int = 3) -> list[Line]:
    """Compare two texts line by line with ``context`` lines around each change; texts beyond the limit are compared as blocks."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > LIMIT:
        return _ends(before, after)
    lines: list[Line] = []
    end = 0
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(context):
        if group[0][1] > end or (end == 0 and group[0][1] > 0):
            lines.append(Line("gap", None, None, ""))
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                lines += [Line("same", i + n + 1, j + n + 1, before[i + n]) for n in range(i_end - i)]
            else:
                lines += [Line("gone", n + 1, None, before[n]) for n in range(i, i_end)]
                lines += [Line("come", None, n + 1, after[n]) for n in range(j, j_end)]
        end = group[-1][2]
    if lines and end < len(before):
        lines.append(Line("gap", None, None, ""))
    return lines


def _ends(before: list[str], after: list[str]) -> list[Line]:
    """What lies between the common beginning and the common end of two long texts."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < min(len(before), len(after)) - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    gone = [Line("gone", n + 1, None, before[n]) for n in range(start, len(before) - tail)]
    come = [Line("come", None, n + 1, after[n]) for n in range(start, len(after) - tail)]
    return [*gone, *come]
