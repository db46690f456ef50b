"""Who acts: one person as the program knows them at the moment of an act, with what they may do and where.

An actor is a frozen value made once per request. It says which roles a person holds in which organisation (ISO 9001, 5.3), so that
every room can decide without asking the database again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A person about to act.

    ``held`` pairs a role code with an organisation's id, hats already unfolded; ``hats`` pairs a hat's id with an organisation's id.
    ``kind`` is ``staff``, ``auditor``, ``outside``, ``admin`` or ``system``; ``via`` is the door they came through; ``house`` is the
    organisation whose system this is.
    """

    person: str
    name: str
    language: str
    held: frozenset[tuple[str, str]]
    hats: frozenset[tuple[str, str]]
    kind: str
    via: str
    house: str = ""
    lent: frozenset[tuple[str, str, str]] = frozenset()
    """Role, organisation, and the person who lent it: what this person holds for somebody who is away."""
    stands_in_for: frozenset[str] = frozenset()
    """Everybody whose hat this person wears now, also one that is worth nothing more than their own."""

    def holds(self, role: str, organisations: Collection[str] | None = None) -> bool:
        """Whether this person has ``role`` in one of ``organisations`` (in any, when none are named)."""
        return any(code == role and (organisations is None or where in organisations) for code, where in self.held)

    def keeps(self, roles: Collection[str]) -> bool:
        """Whether this person has one of ``roles`` in the house itself: what belongs to no case (the library, the directory, the register)
        is not for who has that role in a member organisation."""
        return any((role, self.house) in self.held for role in roles)

    def role_for(self, roles: Sequence[str], organisations: Collection[str]) -> tuple[str, str] | None:
        """The first of ``roles`` this person holds in one of ``organisations``, with that organisation; None when there is none. What is
        one's own comes before what is lent."""
        if self.kind == "system":
            return next(((role, "") for role in roles if role == "SYS"), None)
        borrowed = {(role, where) for role, where, _ in self.lent}
        for among in (self.held - borrowed, borrowed) if borrowed else (self.held,):
            for role in roles:
                places = sorted(where for code, where in among if code == role and where in organisations)
                if places:
                    return role, places[0]
        return None

    def lender(self, role: str | None, organisation: str | None) -> str | None:
        """For whom this person acts in a role, None when it is their own."""
        return next((who for code, where, who in sorted(self.lent) if (code, where) == (role, organisation)), None)

    @property
    def same(self) -> frozenset[str]:
        """The persons that count as one where duties are kept apart: this one, and everybody they stand in for now."""
        return frozenset((self.person, *self.stands_in_for))

    @property
    def is_examiner(self) -> bool:
        """Whether this is an auditor of the house itself, and not of one of its members."""
        return self.kind == "auditor" and self.house in self.organisations

    @property
    def organisations(self) -> frozenset[str]:
        """Where this person holds anything at all."""
        return frozenset(where for _, where in self.held)


SYSTEM = Actor("system", "qms", "it", frozenset({("SYS", "")}), frozenset(), "system", "system")
"""The program itself: it takes the steps whose roles say SYS and nothing else."""
