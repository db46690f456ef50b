"""The named persons of the tests: invented, each with the hats that make them interesting."""

from dataclasses import dataclass

PASSWORD = "cavallo-batteria-graffetta"


@dataclass(frozen=True)
class Member:
    """One person of the cast: name, kind, and hats as (hat, organisation)."""

    name: str
    kind: str
    hats: tuple[tuple[str, str], ...]

    @property
    def email(self) -> str:
        return f"{self.name.split()[0].lower()}@example.org"


CONSORTIUM = "consorzio"
ORGANISATIONS = (
    ("canile", "Cooperativa Il Guado", "B"),
    ("aurora", "Cooperativa Aurora", "A"),
)
CAST = {
    "quality": Member("Lucia Bianchi", "staff", (("qualita", CONSORTIUM), ("sistemista", CONSORTIUM))),
    "direction": Member("Piero Neri", "staff", (("direzione", CONSORTIUM),)),
    "tenders": Member("Marta Conti", "staff", (("gare", CONSORTIUM),)),
    "tenders_too": Member("Dario Fabbri", "staff", (("gare", CONSORTIUM),)),
    "verifier": Member("Elena Sarti", "staff", (("amministrazione", CONSORTIUM),)),
    "training": Member("Sara Monti", "staff", (("formazione", CONSORTIUM),)),
    "quality_too": Member("Renzo Galli", "staff", (("qualita", CONSORTIUM),)),
    "kennel": Member("Teo Rossi", "staff", (("referente", "canile"),)),
    "aurora": Member("Irma Lenzi", "staff", (("referente", "aurora"),)),
    "auditor": Member("Anna Verdi", "auditor", (("auditor", CONSORTIUM),)),
    "system": Member("Gino Tecchi", "staff", (("sistemista", CONSORTIUM),)),
    "learner": Member("Nadia Sole", "outside", (("allievo", CONSORTIUM),)),
}
