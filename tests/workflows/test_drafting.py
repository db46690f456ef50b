"""A definition begun from a few answers passes its check as it stands; answers that will not do are all named at once."""

from dataclasses import replace

import pytest

from qms.errors import Incomplete
from qms.workflows.check import IDENTIFIERS, check_sources
from qms.workflows.drafting import Answers, House, drafted, write
from qms.workflows.reading import read_definition

GOOD = Answers(
    id="goods-return",
    title={"it": 'Reso di "merce": è {urgente}', "en": "Return of goods # now"},
    prefix="RESO",
    owner="QM",
    procedure="PRO-8.2-01",
    states=(
        {"it": "Richiesto", "en": "Asked for"},
        {"it": "In valutazione", "en": "Being looked at"},
        {"it": "No", "en": "No"},
        {"it": "Concluso", "en": "1st and last"},
    ),
)


@pytest.mark.parametrize("language", ["it", "en"])
@pytest.mark.parametrize("profile", ["small", "full"])
def test_the_draft_passes_its_check_and_is_a_straight_way_with_one_step_back(language: str, profile: str) -> None:
    text = write(drafted(GOOD), language).encode()
    assert check_sources({"d.yaml": text}, profile) == []
    found = read_definition(text, "d.yaml", IDENTIFIERS)
    assert (found.id, found.prefix, found.owner, found.governed_by) == ("goods-return", "RESO", "QM", "PRO-8.2-01")
    assert found.title == GOOD.title
    assert [(state.name, state.kind) for state in found.states.values()] == [
        ("ASKED_FOR", "initial"), ("BEING_LOOKED_AT", "normal"), ("NO", "normal"), ("S_1ST_AND_LAST", "final"),
    ]  # fmt: skip
    assert [(step.sources, step.target) for step in found.steps.values()] == [
        (("ASKED_FOR",), "BEING_LOOKED_AT"), (("BEING_LOOKED_AT",), "NO"), (("NO",), "S_1ST_AND_LAST"), (("NO",), "BEING_LOOKED_AT"),
    ]  # fmt: skip
    assert list(found.steps.values())[-1].comment_required


def test_titles_that_make_the_same_name_make_different_names() -> None:
    states = tuple({"it": f"Stato {number}", "en": "The very same long title of a state" + "!" * number} for number in range(5))
    found = read_definition(write(drafted(replace(GOOD, states=states)), "it").encode(), "d.yaml", IDENTIFIERS)
    assert len(found.states) == 5


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"id": "Reso"}, "DRAFT:id"),
        ({"id": "key-loan"}, "DRAFT:taken"),
        ({"prefix": "CHIAVI"}, "DRAFT:taken"),
        ({"prefix": "R"}, "DRAFT:prefix"),
        ({"owner": "qm"}, "DRAFT:owner"),
        ({"owner": "GUEST"}, "DRAFT:role"),
        ({"owner": "NOBODY"}, "DRAFT:role"),
        ({"procedure": "la procedura"}, "DRAFT:procedure"),
        ({"title": {"it": "Reso", "en": " \u200b"}}, "DRAFT:title"),
        ({"states": GOOD.states[:2]}, "DRAFT:states"),
        ({"states": (*GOOD.states, {"it": "Uno", "en": ""})}, "DRAFT:state"),
        ({"states": (*GOOD.states, GOOD.states[0])}, "DRAFT:twice"),
    ],
)
def test_an_answer_that_will_not_do_is_refused_by_its_name(wrong: dict[str, object], code: str) -> None:
    with pytest.raises(Incomplete) as refused:
        drafted(replace(GOOD, **wrong), House(frozenset({"QM", "GUEST"}), ["key-loan"], ["CHIAVI"]))  # type: ignore[arg-type]
    assert refused.value.codes == (code,)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Incomplete) as refused:
        drafted(Answers())
    assert set(refused.value.codes) == {"DRAFT:id", "DRAFT:prefix", "DRAFT:owner", "DRAFT:procedure", "DRAFT:title", "DRAFT:states"}
