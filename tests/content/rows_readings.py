"""Guards of read acknowledgments. Who keeps the documents sees another's case, and still may not acknowledge in their place."""

from tests.content.rows import Row, When

KEEPER = ("WORKER", "QM")
LAPSED = {"lapse_request": ("quality", "2026-03-01T09:00:00.000Z", 2)}
MINE, THEIRS = {"reader": "@quality"}, {"reader": "@kennel"}

ROWS = (
    Row("only_the_reader", When(fields=THEIRS, roles=KEEPER), When(fields=MINE)),
    Row("revision_superseded", When(fields=MINE, taken=LAPSED), When(fields=MINE)),
)
