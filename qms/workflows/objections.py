"""Why a step cannot be taken: every reason at once, each with a code that never changes and a sentence in the reader's language."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from qms.database import stamp
from qms.errors import Reason
from qms.formats import names
from qms.locale import LANGUAGES
from qms.people.actor import Actor
from qms.people.signature import Proof
from qms.workflows.definition import Definition
from qms.workflows.expression import Uses
from qms.workflows.facts import Facts
from qms.workflows.file import File, agreement, takers, without_agreements
from qms.workflows.machine import Ways
from qms.workflows.reader import both
from qms.workflows.scope import Exhausted
from qms.workflows.step import Guard, Quorum, Step

TOLERANCE = timedelta(minutes=2)
"""How far a person's clock may run ahead of the server's."""
LONGEST_COMMENT = 5_000


@dataclass(frozen=True)
class Asked:
    """One step about to be taken on one case by one person."""

    definition: Definition
    step: Step
    file: File
    by: Actor
    now: datetime


def of_role(asked: Asked, organisations: Sequence[str]) -> Iterator[Reason]:
    """The role, and where it is held."""
    step, by = asked.step, asked.by
    if by.role_for(step.by, organisations) is not None:
        return
    if any(by.holds(role) for role in step.by):
        places = ", ".join(organisations)
        yield Reason("ORGANISATION", None, {"organisations": places}, both("case.organisation", organisations=places))
    else:
        yield Reason(f"ROLE:{','.join(step.by)}")


def of_state(asked: Asked, ways: Ways) -> Iterator[Reason]:
    if not ways.leads(asked.file.state, asked.step.name):
        state, step = asked.definition.states[asked.file.state].title, asked.step.title
        yield Reason(f"STATE:{asked.step.name}", None, {"state": state, "step": step}, both("case.state", state=state, step=step))


def of_version(file: File, version: int) -> Iterator[Reason]:
    if version != file.version:
        text = both("case.stale", version=str(version), now=str(file.version))
        yield Reason("STALE", None, {"version": version, "now": file.version}, text)


def of_duties(asked: Asked, facts: Facts, beyond: Collection[str] = ()) -> Iterator[Reason]:
    """Separation of duties: on persons, whatever roles they hold. Persons whom one of the values ``beyond`` names are not judged."""
    step, same = asked.step, asked.by.same
    before = [name for name in step.apart_from if same & takers(asked.file.taken, name)]
    if before:
        titles = [found.title for name in before if (found := asked.definition.step(name)) is not None]
        others = {language: ", ".join(f"«{title[language]}»" for title in titles) for language in LANGUAGES}
        text = both("case.sod_step", step=step.title, others=others)
        yield Reason(f"SOD:{step.sod_code}", None, {"step": step.title, "others": others}, text)
    elif any(same.intersection(_persons(one.value(facts))) for one in step.not_in if not one.uses.values.intersection(beyond)):
        yield Reason(f"SOD:{step.sod_code}", None, {"step": step.title}, both("case.sod_person", step=step.title))


def kept_from(definition: Definition, file: File, by: Actor, facts: Facts, now: datetime) -> set[str]:
    """The steps that duties keep from ``by`` as the case stands; an agreement that does not count yet keeps nobody from anything."""
    counted = replace(file, taken=without_agreements(file.taken))
    found = set()
    for step in definition.steps.values():
        with suppress(Exhausted):
            found |= {step.name for _ in of_duties(Asked(definition, step, counted, by, now), facts)}
    return found


def of_own_duty(definition: Definition, freed: Collection[str]) -> Iterator[Reason]:
    """Nobody frees themselves: what would no longer keep these steps from who does it is for somebody else to do."""
    titles = [definition.steps[name].title for name in sorted(freed)]
    if titles:
        steps = {language: ", ".join(f"«{title[language]}»" for title in titles) for language in LANGUAGES}
        yield Reason("SOD:own_duty", None, {"steps": steps}, both("case.own_duty", steps=steps))


def of_fewer(definition: Definition, before: Facts, after: Facts) -> Iterator[Reason]:
    """Of several persons whose agreement a step needs, none is lost because two names become one."""
    for step in definition.steps.values():
        quorum = step.quorum
        if quorum is None or quorum.of is None:
            continue
        with suppress(Exhausted):
            named = len(_named(quorum, after) or ())
            if named < len(_named(quorum, before) or ()) and (quorum.count is None or named < quorum.count):
                yield Reason("FIELD_INVALID:new", "new", {"step": step.title}, both("case.quorum_fewer", step=step.title))


def of_quorum(step: Step, file: File, by: Actor, facts: Facts, alters: bool = False) -> Iterator[Reason]:
    """A step that several must take: who is among them, whose turn it is, who has done so already. Nobody ``alters`` what others have
    agreed to."""
    quorum = step.quorum
    if quorum is None:
        return
    named, agreed = _named(quorum, facts), _agreed(step, file)
    if agreed and alters:
        yield Reason("QUORUM:altered", None, {}, both("case.quorum_altered"))
    if by.same & agreed:
        yield Reason("QUORUM:already", None, {}, both("case.quorum_already"))
    elif named is not None and by.person not in named:
        yield Reason("QUORUM:not_named", None, {}, both("case.quorum_not_named"))
    elif named is not None and len(named) < (quorum.count or 1):
        yield Reason("QUORUM:too_few", None, {}, both("case.quorum_too_few", needed=str(quorum.count)))
    elif quorum.in_order and named is not None and next(one for one in named if one not in agreed) != by.person:
        yield Reason("QUORUM:turn", None, {}, both("case.quorum_turn"))


def is_complete(step: Step, file: File, facts: Facts) -> bool:
    """Whether ``step``, taken once more, has been taken by as many as it needs: each agreed once, also who did it for somebody away."""
    quorum = step.quorum
    if quorum is None:
        return True
    needed = quorum.count if quorum.count is not None else len(_named(quorum, facts) or ())
    agreed = file.taken.get(agreement(step.name))
    return (agreed.times if agreed is not None else 0) + 1 >= needed


def _named(quorum: Quorum, facts: Facts) -> list[str] | None:
    """Who must take the step, in order, each once; None when anybody with the role may."""
    return list(dict.fromkeys(_persons(quorum.of.value(facts)))) if quorum.of is not None else None


def _agreed(step: Step, file: File) -> set[str]:
    agreed = file.taken.get(agreement(step.name))
    return set(agreed.persons) if agreed is not None else set()


def _persons(value: object) -> Sequence[str]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, (list, tuple)) else ()


def of_guards(guards: Iterable[Guard], facts: Facts) -> Iterator[Reason]:
    """Rules that are not known to hold."""
    for guard in guards:
        if guard.that is not None and not guard.that.holds(facts):
            yield Reason(f"GUARD:{guard.code}", None, {}, guard.message)


def of_comment(step: Step, comment: str | None) -> Iterator[Reason]:
    if step.comment_required and comment is None:
        yield Reason("COMMENT_REQUIRED", "comment")
    if comment is None:
        return
    yield from of_text_typed(comment)


def of_text_typed(text: str) -> Iterator[Reason]:
    """What no text that is sealed as typed may have in it."""
    if len(text) > LONGEST_COMMENT or any(ord(mark) < 32 and mark not in "\n\t" for mark in text) or names.misleads(text):
        yield Reason("COMMENT_INVALID", "comment")


def of_signature(asked: Asked, proof: Proof | None) -> Iterator[Reason]:
    if asked.step.sign is None:
        return
    if proof is None or proof.person != asked.by.person:
        yield Reason("SIGNATURE:required", "password", {}, both("case.signature_required"))
    elif not proof.holds_for(asked.by, asked.now):
        yield Reason("SIGNATURE:expired", "password", {}, both("case.signature_expired"))


def of_text(step: Step, seen: str | None) -> Iterator[Reason]:
    """Nobody approves what they did not see: who binds a text says which one they had before them."""
    if step.binds and not seen:
        yield Reason("TEXT_UNSEEN", "text_seen")


def of_moment(happened_at: datetime, now: datetime, opened_at: datetime | None) -> Iterator[Reason]:
    """The moment of the fact: not in the future, not before the case was opened; however late it is recorded."""
    if happened_at > now + TOLERANCE:
        yield Reason("HAPPENED:future", "happened_at", {}, both("case.happened_future"))
    if opened_at is not None and happened_at < opened_at:
        text = both("case.happened_before_opening", opened=stamp(opened_at))
        yield Reason("HAPPENED:before_opening", "happened_at", {"opened": stamp(opened_at)}, text)


def known_before(asked: Asked, ways: Ways, facts: Facts) -> list[Reason]:
    """The objections that stand before anything was filled in: what the form itself can still change is not judged."""
    step = asked.step
    slots = {wanted.name for wanted in step.evidence}
    filled = {wanted.name for wanted in step.asks} | {"happened_at", "recorded_at", "today", "comment"}
    for name in asked.definition.computed:
        if (computed := asked.definition.fields[name].computed) is not None and _hangs_on(computed.uses, filled, slots):
            filled.add(name)
    settled = [guard for guard in step.guards if guard.that is not None and not _hangs_on(guard.that.uses, filled, slots)]
    reasons = [*of_role(asked, asked.file.organisations), *of_state(asked, ways)]
    with suppress(Exhausted):
        reasons += of_duties(asked, facts, filled)
        if step.quorum is None or step.quorum.of is None or not step.quorum.of.uses.values & filled:
            reasons += of_quorum(step, asked.file, asked.by, facts)
    return [*reasons, *of_guards(settled, facts)]


def _hangs_on(uses: Uses, filled: Collection[str], slots: Collection[str]) -> bool:
    """Whether what is asked can come out otherwise once the form is filled in; figures go by the day of the fact."""
    return bool(uses.values & set(filled) or uses.slots & set(slots) or uses.figures)


def tidy(comment: str | None) -> str | None:
    """A comment without its margins; None when nothing is left."""
    text = comment.replace("\r\n", "\n").strip() if comment else ""
    return text or None
