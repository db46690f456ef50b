"""What the findings of this room are called for people: a code's fault, a doubt about a notice, the name of a fact."""

from typing import Any

from qms.formats.facts import Doubt
from qms.formats.finding import Finding
from qms.formats.values import BadValue
from qms.locale import knows, say


def of_finding(language: str, finding: Finding) -> str:
    """One sentence on a checked code, with what may have been meant."""
    values: dict[str, Any] = {"found": finding.raw[:100], "kept": finding.normalised or "", "kind": of_kind(language, finding.kind)}
    values |= finding.values
    key = f"formats.identifier.{finding.reason}" if finding.reason else f"formats.verdict.{finding.verdict}"
    suggested = (
        say(language, f"formats.suggestion.{suggestion.code}", value=suggestion.value, kind=of_kind(language, suggestion.kind))
        for suggestion in finding.suggestions
    )
    return " ".join((say(language, key, **values), *suggested))


def of_doubt(language: str, doubt: Doubt) -> str:
    """What a person must look at in a notice: the doubt, why a code is wrong, and what may have been meant."""
    values: dict[str, Any] = {"found": "; ".join(doubt.found), "field": of_field(language, doubt.field), "suggested": "", "reason": None}
    values |= doubt.values
    values["kind"] = of_kind(language, str(values.get("kind", "")))
    said = [say(language, f"formats.doubt.{doubt.code}", **values)]
    if values["reason"]:
        said.append(say(language, f"formats.identifier.{values['reason']}", **values))
    if values["suggested"]:
        said.append(say(language, "formats.suggestion.several", value=values["suggested"]))
    text = " ".join(said)
    return text[:1].upper() + text[1:]


def of_value(language: str, refused: BadValue) -> str:
    """Why a value a person typed was not taken."""
    values: dict[str, Any] = dict(refused.values)
    return say(language, refused.key, **values)


def of_field(language: str, field: str) -> str:
    """The name of a fact: ``lots.2.cig`` is the CIG of lot 2."""
    parts = field.split(".")
    for length in (2, 1):
        key = f"formats.field.{'_'.join(parts[-length:])}"
        if parts[-1] and knows(language, key):
            name, lot = say(language, key), ".".join(parts[1:-length])
            return say(language, "formats.field.of_lot", lot=lot, field=name) if parts[0] == "lots" and lot else name
    return say(language, "formats.field.lots") + " " + ".".join(parts[1:]) if parts[0] == "lots" else field


def of_kind(language: str, kind: str) -> str:
    """The name of a kind of identifier."""
    key = f"formats.identifier_kind.{kind}"
    return say(language, key) if knows(language, key) else kind
