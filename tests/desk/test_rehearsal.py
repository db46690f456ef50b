"""A workflow is played before anybody uses it: the engine's own refusals, with invented people, and nothing kept."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qms.desk import rehearsal
from qms.desk.rehearsal import Rehearsal
from qms.desk.walking import MOST_ACTS, NAMES, Scene
from qms.errors import NotFound
from qms.locale import LANGUAGES
from tests.content.office import WORKFLOWS
from tests.content.test_guards import DEFINITIONS
from tests.workflows.samples import FIGURES, LAMP, QUERY

SHIPPED = {one.id: Path(one.path).read_bytes() for one in DEFINITIONS.values()}
SHIPPED_FIGURES = next(path for path in WORKFLOWS if path.stem == "figures").read_bytes()
PLAYABLE = sorted(one.id for one in DEFINITIONS.values() if one.subject not in ("document", "acknowledgment"))


def played(lamp: str = LAMP) -> Rehearsal:
    return rehearsal.rehearse(
        rehearsal.bare_engine("small"), "lamp-repair", {"lamp": lamp.encode(), "query": QUERY.encode()}, FIGURES.encode()
    )


def scene(found: Rehearsal, step: str) -> Scene:
    return next(one for one in found.scenes if one.step.name == step)


def codes(one: Scene) -> dict[str, list[str]]:
    return {attempt.kind: [reason.code for reason in attempt.reasons] for attempt in one.tries}


def test_every_step_is_tried_by_those_who_may_not_and_then_taken() -> None:
    found = played()
    assert found.unseen == () and found.refused == ()
    mend = scene(found, "mend_it")
    assert (mend.source, mend.state) == ("PRICED", "MENDED")
    tried = codes(mend)
    assert tried["stranger"][0] == "ROLE:TECH"
    assert "COMMENT_REQUIRED" in tried["empty"]
    assert tried["same"] == ["SOD:pricer_mends"]
    assert tried["filled"] == []
    assert {"FIELD_REQUIRED:cost", "FIELD_REQUIRED:grade", "EVIDENCE_MISSING:PHOTO"} <= set(codes(scene(found, "price_it"))["empty"])
    assert scene(found, "scrap_it").state == "SCRAPPED"
    assert {attempt.person for one in found.scenes for attempt in one.tries} <= {*NAMES, "qms"}


def test_what_the_invented_values_cannot_fulfil_is_told_and_supposed() -> None:
    lamp = LAMP.replace('that: "cost <= figure.top_price"', "that: \"lower(title) == 'lamp of the duke'\"")
    found = played(lamp)
    pricing = scene(found, "price_it")
    assert codes(pricing)["filled"] == [] and pricing.state == "PRICED"
    assert [guard.code for guard in pricing.supposed] == ["not_too_dear"]
    assert any(
        attempt.kind == "filled" and [reason.code for reason in attempt.reasons] == ["GUARD:not_too_dear"] for attempt in pricing.tries
    )
    assert scene(found, "give_back").state == "RETURNED"


def test_a_step_that_no_attempt_gets_through_is_told_and_what_lies_behind_it_too() -> None:
    # The form wants a case of a workflow that cannot be opened here.
    lamp = LAMP.replace("asks: [cost, grade, parts?", "asks: [cost, grade, origin, parts?").replace(
        "  note: {type: long_text", "  origin: {type: case, workflow: other-house, title: {it: x, en: x}}\n  note: {type: long_text"
    )
    found = played(lamp)
    assert [one.step.name for one in found.refused] == ["price_it"]
    assert "FIELD_REQUIRED:origin" in codes(scene(found, "price_it"))["filled"]
    assert {step.name for step in found.unseen} == {"mend_it", "add_photo", "give_back", "reopen_it"}


def test_several_who_must_agree_come_one_after_the_other() -> None:
    found = played(LAMP.replace("    from: MENDED\n    to: RETURNED", "    from: MENDED\n    quorum: {count: 3}\n    to: RETURNED"))
    assert scene(found, "give_back").state == "RETURNED"


def test_every_way_of_a_step_that_leads_where_facts_say_is_gone() -> None:
    lamp = LAMP.replace("    from: BROKEN\n    to: PRICED", '    from: BROKEN\n    to: [{when: "cost > 400", state: MENDED}, PRICED]')
    found = played(
        lamp.replace("  mend_it:\n", "  mend_it:\n    profile: full\n").replace(
            "\"evidence_unchanged_since('mend_it', 'PHOTO')\"", '"True"'
        )
    )
    assert scene(found, "give_back").source == "MENDED"


def test_the_same_texts_are_played_once_and_a_missing_one_is_not_found() -> None:
    assert played() is played()
    with pytest.raises(NotFound):
        rehearsal.rehearse(rehearsal.bare_engine("small"), "no-such", {"query": QUERY.encode()}, None)


def test_a_workflow_of_many_ways_ends_nevertheless() -> None:
    states = "".join(f"  S{n}: {{title: {{it: x, en: x}}}}\n" for n in range(30))
    steps = "".join(
        f"  s{n}_{to}: {{title: {{it: x, en: x}}, from: S{n}, to: S{to}, by: [QM], comment: required}}\n"
        for n in range(30)
        for to in range(0, 30, 3)
        if n != to
    )
    text = (
        "id: maze\ntitle: {it: x, en: x}\nprefix: MAZE\nowner: QM\ngoverned_by: PRO-1\nretention: R-QMS\n"
        "fields: {title: {type: text, title: {it: x, en: x}}}\nstates:\n  IN: {title: {it: x, en: x}, kind: initial}\n"
        f"{states}  OUT: {{title: {{it: x, en: x}}, kind: final}}\nopening: {{title: {{it: x, en: x}}, by: [QM], asks: [title]}}\nsteps:\n"
        f"  go: {{title: {{it: x, en: x}}, from: IN, to: S0, by: [QM]}}\n{steps}"
        "  end: {title: {it: x, en: x}, from: S9, to: OUT, by: [QM]}\n"
    )
    found = rehearsal.rehearse(rehearsal.bare_engine("small"), "maze", {"maze": text.encode()}, None)
    assert len(found.scenes) <= MOST_ACTS
    assert scene(found, "end").state == "OUT"


@pytest.mark.parametrize("workflow", PLAYABLE)
def test_every_shipped_process_can_be_played_to_its_ends(workflow: str) -> None:
    found = rehearsal.rehearse(rehearsal.bare_engine("small"), workflow, SHIPPED, SHIPPED_FIGURES)
    assert found.is_playable
    assert [step.name for step in found.unseen] == []
    ends = {state.name for state in found.definition.states_in("small") if state.is_end}
    assert ends <= {one.state for one in found.scenes} | {target for one in found.scenes for target in one.step.targets}
    for language in LANGUAGES:
        told = rehearsal.told(found, language)
        assert all(
            reason["message"] and "{" not in reason["message"]
            for one in told["scenes"]
            for attempt in one["tries"]
            for reason in attempt["reasons"]
        )


def test_cases_that_come_about_by_themselves_are_not_invented() -> None:
    others = sorted(SHIPPED.keys() - {*PLAYABLE})
    assert others
    for workflow in others:
        assert not rehearsal.rehearse(rehearsal.bare_engine("small"), workflow, SHIPPED, SHIPPED_FIGURES).is_playable


def test_a_play_is_of_its_day_here_not_of_greenwich() -> None:
    def at(hour: int) -> Rehearsal:
        now = datetime(2035, 3, 1, hour, 30, tzinfo=UTC)
        engine = replace(rehearsal.bare_engine("small"), clock=lambda: now)
        return rehearsal.rehearse(engine, "lamp-query", {"query": QUERY.encode()}, None)

    assert at(21) is at(22)
    assert at(22) is not at(23)


def test_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    played(LAMP.replace("Riparazione di lampade", "Altre lampade"))
    assert list(tmp_path.iterdir()) == []
