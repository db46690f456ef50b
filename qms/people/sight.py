"""Who sees what: cases by organisation and confidentiality, documents by their distribution (ISO 9001, 7.5.3.1)."""

from collections.abc import Collection

from qms.people.actor import Actor

QUALITY = ("QM", "DOC_CTRL", "TOP")
READERS_OF_HISTORY = ("QM", "DOC_CTRL", "AUDITOR", "LEAD_AUDITOR")
WRITERS = ("QM", "DOC_CTRL", "PROC_OWNER", "TOP")
"""Who writes drafts, through whichever door."""


def sees_case(actor: Actor, organisations: Collection[str], confidentiality: str, allowed_roles: Collection[str]) -> bool:
    """Whether a case of ``organisations`` is for this person's eyes; beyond ``normal`` one of ``allowed_roles`` is needed as well."""
    if actor.kind == "system":
        return True
    if actor.kind not in ("staff", "auditor") or not actor.organisations & set(organisations):
        return False
    if confidentiality == "normal":
        return True
    return any(actor.holds(role, organisations) for role in allowed_roles)


def reads_personal(actor: Actor) -> bool:
    """Whether this person reads values about natural persons. An auditor verifies that they are sealed, and is shown the rest by whoever
    keeps them (Regulation (EU) 2016/679, art. 5.1 c)."""
    return actor.kind != "auditor"


def sees_document(actor: Actor, distribution: Collection[str]) -> bool:
    """Whether a document in force is distributed to this person. Those who keep the system, and auditors, read all of it."""
    if actor.kind == "system" or actor.is_examiner or actor.keeps(QUALITY):
        return True
    if "all" in distribution and actor.kind == "staff":
        return True
    mine = {role for role, _ in actor.held} | {hat for hat, _ in actor.hats}
    return bool(mine & set(distribution))


def reads_superseded(actor: Actor) -> bool:
    """Whether this person may read texts that are no longer in force; others see that they existed."""
    return actor.kind == "system" or actor.is_examiner or actor.keeps(READERS_OF_HISTORY)


def writes_documents(actor: Actor) -> bool:
    """Whether this person may propose texts."""
    return actor.kind == "staff" and actor.keeps(WRITERS)


def sees_drafts(actor: Actor) -> bool:
    """Whether this person may read texts that are only proposed."""
    return writes_documents(actor) or reads_superseded(actor)
