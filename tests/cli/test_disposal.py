"""``qms retention``, ``qms case hold`` and ``qms case release``."""

from tests.cli.conftest import AsPerson
from tests.cli.test_cases import report
from tests.house import House


def test_a_hold_is_placed_and_lifted_with_a_reason_by_quality_only(as_person: AsPerson) -> None:
    quality, tenders = as_person("quality"), as_person("tenders")
    number = report(tenders).json["case"]
    assert tenders("case", "hold", number, "--reason", "Ricorso", "--json").codes == ["ROLE:QM,TOP"]
    assert quality("case", "hold", number, "--json").codes == ["COMMENT_REQUIRED"]
    assert quality("case", "hold", number, "--reason", "Ricorso al TAR").code == 0
    assert quality("case", "hold", number, "--reason", "Ricorso al TAR", "--json").codes == ["HOLD_STANDS"]
    assert quality("case", "release", number, "--reason", "Sentenza definitiva").code == 0


def test_what_may_be_disposed_of_is_told_to_who_keeps_the_records(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    number = report(as_person("tenders")).json["case"]
    assert "No case may be proposed" in quality("retention").out
    reason = ("--field", "rejection_reason=Il fatto non viola alcun requisito.")
    assert quality("case", "step", number, "propose_rejection", *reason).code == 0
    assert as_person("verifier")("case", "step", number, "confirm_rejection", "--comment", "Visto il registro.").code == 0
    quality("case", "hold", number, "--reason", "Ricorso al TAR")
    house.clock.pass_(days=6 * 366)
    quality = as_person("quality")
    answer = quality("retention", "--json").json
    assert answer["over"] == []
    assert [(one["number"], one["over_on"]) for one in answer["stays"]] == [(number, "2032-03-02")]
    assert "Ricorso al TAR" in quality("retention").out
    assert as_person("tenders")("retention", "--json").codes == ["ROLE:DOC_CTRL,QM,TOP"]
