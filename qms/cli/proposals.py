"""Which draft a person means and which step of its case does what they ask, found without knowing how any workflow names it."""

from collections.abc import Callable, Set
from typing import Any

from qms.cli import steps
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.errors import NotFound, Reason, Refused
from qms.people.actor import Actor
from qms.people.sight import sees_drafts
from qms.procedures import control, document
from qms.procedures.drafts import NewDocument, Saved
from qms.procedures.register import Draft
from qms.workflows import case
from qms.workflows.step import Step

RELEASES = frozenset({"publish-revision", "approve-revision"})
WITHDRAWS = frozenset({"withdraw-document"})
SUBMITS = frozenset({"submit-draft"})


def effects(step: Step) -> frozenset[str]:
    return frozenset(call.name for call in step.effects if not call.later)


VERBS: dict[str, Callable[[Step], bool]] = {
    "submit": lambda step: bool(effects(step) & SUBMITS),
    "check": lambda step: step.binds and not effects(step) & RELEASES,
    "approve": lambda step: bool(effects(step) & (RELEASES | WITHDRAWS)),
}
"""What each verb of ``qms document`` means, in terms of what a step does."""


def find(call: Call, connection: Any, by: Actor, name: str, slug: str | None) -> Draft:
    """The draft of the document ``name`` (key or code): the one named, or the only one under way. Raises NotFound, WrongUse."""
    key = key_of(connection, name)
    if slug is not None:
        return control.draft_seen(connection, key, slug, by)
    under_way = control.drafts(connection, key) if sees_drafts(by) else []
    if not under_way:
        raise NotFound("draft", name)
    if len(under_way) > 1:
        raise WrongUse("cli.use.which_draft", document=name, known=", ".join(item.slug for item in under_way))
    return control.draft_seen(connection, key, under_way[0].slug, by)


def key_of(connection: Any, name: str) -> str:
    """The key of a document by key or code; a name that the register does not know is taken as the key of a new one."""
    try:
        return control.find(connection, name).key
    except NotFound:
        return name


def text_in_force(connection: Any, library: Any, key: str, by: Actor, number: int | None) -> str:
    """The text to compare with; nothing when the document is new."""
    try:
        return control.text(connection, library, key, by, number).text
    except NotFound:
        if number is not None:
            raise
        return ""


def step_that(call: Call, name: str, slug: str | None, verb: str, given: Set[str]) -> tuple[str, str]:
    """The case of a draft and its step that does what ``verb`` means, preferring one that is open and asks for the ``given`` fields.

    Raises Refused when no step of the case's present state does.
    """
    by = call.who()
    with call.app.reading() as connection:
        draft = find(call, connection, by, name, slug)
    seen = steps.seen(call, draft.case_number)
    with call.app.reading() as connection:
        offers = case.offers(connection, call.app.engine, seen, by)
    fitting = [offer for offer in offers if VERBS[verb](offer.step) and _is_for(draft, offer.step)]
    if verb == "approve" and draft.kind == "text" and any(VERBS["submit"](offer.step) or VERBS["check"](offer.step) for offer in offers):
        fitting = []  # a release before submission or check is an exception: it is asked for by its own name, with `document step`
    if not fitting:
        state = seen.definition.states[seen.state].title
        raise Refused([Reason(f"NO_SUCH_STEP:{verb}", values={"state": state})])
    best = max(fitting, key=lambda offer: (len(given & {item.name for item in offer.step.asks}), offer.open, -len(offer.reasons)))
    return draft.case_number, best.step.name


def _is_for(draft: Draft, step: Step) -> bool:
    """A text is released, a withdrawal takes a document away: neither does the other's."""
    return not effects(step) & (WITHDRAWS if draft.kind == "text" else RELEASES)


def write(call: Call, name: str, slug: str | None, text: str | None, new: str | None, reason: str, key: str | None) -> Saved:
    """Start a draft of ``name``, or save ``text`` as the next version of one under way. Raises Refused, BadContent, NotFound."""
    by = call.who()
    app = call.app
    with app.writing(shelf=True) as tx:
        document_key = key_of(tx.connection, name)
        mine = _under_way(tx.connection, document_key, slug, by)
        if mine is None:
            started = control.start_draft(
                tx,
                app.library,
                key=document_key,
                slug=slug or by.person.lower(),
                by=by,
                open_case=app.open_proposal(by, key),
                new=_new_document(new, text) if new else None,
                reason=reason,
            )
            slug, tip = slug or by.person.lower(), started.commit
            if text is None:
                return started
        else:
            slug, tip = mine.slug, mine.tip
        if text is None:
            raise WrongUse("cli.use.draft_exists", draft=slug)
        return control.save_draft(tx, app.library, document_key, slug, text, {}, by, tip, reason=reason or None, idempotency=key)


def propose_withdrawal(call: Call, name: str, reason: str, key: str | None) -> Saved:
    """Open the case in which somebody else signs the withdrawal. Raises Refused, NotFound."""
    by, app = call.who(), call.app
    with app.writing(shelf=True) as tx:
        document_key = control.find(tx.connection, name).key
        return control.start_proposal(
            tx,
            app.library,
            key=document_key,
            kind="withdrawal",
            by=by,
            open_case=app.open_proposal(by, key),
            reason=reason,
            idempotency=key,
        )


def _under_way(connection: Any, key: str, slug: str | None, by: Actor) -> Draft | None:
    found = [item for item in control.drafts(connection, key) if item.is_open and item.kind == "text"]
    if slug is not None:
        return next((item for item in found if item.slug == slug), None)
    mine = [item for item in found if by.person in item.authors]
    return mine[0] if len(mine) == 1 else None


def _new_document(path: str, text: str | None) -> NewDocument:
    place = document.PATH.fullmatch(path)
    if place is None or text is None:
        raise WrongUse("cli.use.new_document", value=path)
    front = document.parse(text, path).front
    return NewDocument(front.code, front.title, front.type, front.language, front.owner, place["area"], place["slug"])
