"""A drawing becomes a draft: our own come back with the names they had, others are read for what they say, and every loss is told."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qms.errors import BadContent
from qms.formats.bpmn import MOST_BYTES, MOST_NODES, read_bpmn
from qms.workflows import yaml_file
from qms.workflows.bpmn import bpmn
from qms.workflows.check import IDENTIFIERS, check_sources
from qms.workflows.drafting import Draft, write
from qms.workflows.from_bpmn import draft_of
from qms.workflows.reading import read_definition
from tests.workflows.samples import LAMP
from tests.workflows.test_reckoning import ORDER

SHIPPED = sorted(path for path in (Path(__file__).parents[2] / "workflows").glob("*.yaml") if path.name != "figures.yaml")
HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:x="urn:tool" targetNamespace="urn:x">'
)
DRAWN = f"""{HEAD}
<collaboration id="c"><participant id="p" name="Reso di merce" processRef="m"/>
<messageFlow id="mf" sourceRef="p" targetRef="p"/></collaboration>
<process id="m">
  <laneSet><lane id="l1" name="QM"><flowNodeRef>look</flowNodeRef></lane>
           <lane id="l2" name="Ufficio spedizioni"><flowNodeRef>send</flowNodeRef><flowNodeRef>note</flowNodeRef></lane></laneSet>
  <startEvent id="s" name="Arriva un reso"/>
  <userTask id="look" name="Guarda la merce"><extensionElements><x:a/></extensionElements></userTask>
  <exclusiveGateway id="g" name="È difettosa?"/>
  <serviceTask id="note" name="Annota il difetto"/>
  <userTask id="send" name="Rispedisci">
    <multiInstanceLoopCharacteristics><loopCardinality>3</loopCardinality></multiInstanceLoopCharacteristics></userTask>
  <intermediateCatchEvent id="wait" name="Dieci giorni"><timerEventDefinition/></intermediateCatchEvent>
  <parallelGateway id="par" name="Insieme"/>
  <subProcess id="sub" name="Rimborsa"><userTask id="inner"/></subProcess>
  <task id="tell" name="Avvisa"/>
  <exclusiveGateway id="j"/>
  <endEvent id="e" name="Chiuso"/>
  <boundaryEvent id="b" name="Tardi" attachedToRef="look"><timerEventDefinition/></boundaryEvent>
  <textAnnotation id="ta"><text>x</text></textAnnotation>
  <sequenceFlow id="f1" sourceRef="s" targetRef="look"/>
  <sequenceFlow id="f2" sourceRef="look" targetRef="g"/>
  <sequenceFlow id="f3" sourceRef="g" targetRef="note" name="sì">
    <conditionExpression xsi:type="tFormalExpression">${{bad}}</conditionExpression></sequenceFlow>
  <sequenceFlow id="f4" sourceRef="g" targetRef="e" name="no, va bene"/>
  <sequenceFlow id="f5" sourceRef="note" targetRef="send"/>
  <sequenceFlow id="f6" sourceRef="send" targetRef="wait"/>
  <sequenceFlow id="f7" sourceRef="wait" targetRef="par"/>
  <sequenceFlow id="f8" sourceRef="par" targetRef="sub"/>
  <sequenceFlow id="f9" sourceRef="par" targetRef="tell"/>
  <sequenceFlow id="f10" sourceRef="sub" targetRef="j"/>
  <sequenceFlow id="f11" sourceRef="tell" targetRef="j"/>
  <sequenceFlow id="f12" sourceRef="j" targetRef="look"/>
  <sequenceFlow id="f13" sourceRef="b" targetRef="e"/>
  <sequenceFlow id="f14" sourceRef="nowhere" targetRef="e"/>
</process><process id="other" name="Altro"><task id="o"/></process></definitions>"""


def drafted(content: str | bytes) -> tuple[Draft, list[str]]:
    source = content if isinstance(content, bytes) else content.encode()
    draft, left_out = draft_of(read_bpmn(source, "d.bpmn"), "d.bpmn")
    return draft, [f"{problem.code} {problem.values.get('name', problem.values.get('kind', ''))}".strip() for problem in left_out]


@pytest.mark.parametrize("profile", ["small", "full"])
@pytest.mark.parametrize("source", [*SHIPPED, LAMP, ORDER], ids=[*(path.stem for path in SHIPPED), "lamp", "order"])
def test_our_own_export_comes_back_with_its_states_and_steps(source: Path | str, profile: str) -> None:
    text = source if isinstance(source, str) else source.read_text(encoding="utf-8")
    definition = read_definition(text.encode(), "w.yaml", IDENTIFIERS)
    draft, left_out = drafted(bpmn(definition, profile, "it"))
    known = {state.name for state in definition.states_in(profile)}
    states = {state.name: (state.title["it"], state.kind == "initial") for state in draft.states}
    assert states == {state.name: (state.title["it"], state.kind == "initial") for state in definition.states_in(profile)}
    steps = {step.name: (step.title["it"], set(step.sources), step.by) for step in draft.steps}
    expected = [step for step in definition.steps_in(profile) if known & set(step.sources)]
    assert steps == {step.name: (step.title["it"], known & set(step.sources), step.by) for step in expected}
    for step in expected:
        (found,) = [one for one in draft.steps if one.name == step.name]
        ways = [(branch.when.text, branch.state) for branch in step.branches]
        stays = step.target is None or (not ways and step.sources == (step.target,))
        assert list(found.targets) == ([] if stays else [*ways, ("", step.target)])
    assert {code.split()[0] for code in left_out} <= {"bpmn.others", "bpmn.assumed", "bpmn.translate", "bpmn.nobody", "bpmn.count"}
    assert draft.opening.by == definition.opening.by or "SYS" in definition.opening.by
    yaml_file.read(write(draft, "it").encode(), "d.yaml")
    if not any(step.branches for step in definition.steps.values()):
        assert set(read_definition(write(draft, "it").encode(), "d.yaml", IDENTIFIERS).states) == known


def test_a_drawing_of_others_is_read_for_what_it_says() -> None:
    draft, _ = drafted(DRAWN)
    assert (draft.id, draft.prefix, draft.title["it"]) == ("reso-di-merce", "RESO", "Reso di merce")
    assert {state.name: state.kind for state in draft.states} == {
        "DA_FARE_GUARDA_LA_MERCE": "initial", "E_DIFETTOSA": "normal", "DA_FARE_RISPEDISCI": "normal", "INSIEME": "normal",
        "DECISIONE": "normal", "CHIUSO": "final",
    }  # fmt: skip
    ways = {step.name: (step.sources, [state for _, state in step.targets], step.by, step.count) for step in draft.steps}
    assert ways == {
        "guarda_la_merce": (("DA_FARE_GUARDA_LA_MERCE", "DECISIONE"), ["E_DIFETTOSA"], ("QM",), None),
        "annota_il_difetto": (("E_DIFETTOSA",), ["DA_FARE_RISPEDISCI"], ("SYS",), None),
        "rispedisci": (("DA_FARE_RISPEDISCI",), ["INSIEME"], ("UFFICIO_SPEDIZIONI",), 3),
        "rimborsa": (("INSIEME",), ["DECISIONE"], ("QM",), None),
        "avvisa": (("INSIEME",), ["DECISIONE"], ("QM",), None),
        "no_va_bene": (("E_DIFETTOSA",), ["CHIUSO"], ("QM",), None),
    }
    assert draft.opening.title["it"] == "Arriva un reso"


def test_every_loss_is_told() -> None:
    _, left_out = drafted(DRAWN)
    assert set(left_out) == {
        "bpmn.other_process Altro", "bpmn.event Dieci giorni", "bpmn.gateway Insieme", "bpmn.nested Rimborsa", "bpmn.event Tardi",
        "bpmn.boundary_flow f13", "bpmn.loose_flow f14", "bpmn.others extensionElements", "bpmn.others textAnnotation",
        "bpmn.others messageFlow", "bpmn.condition Annota il difetto", "bpmn.act_added no, va bene", "bpmn.machine Annota il difetto",
        "bpmn.role", "bpmn.nobody", "bpmn.assumed", "bpmn.translate",
    }  # fmt: skip


def test_the_draft_of_a_sound_drawing_passes_its_check_but_for_what_it_says_itself() -> None:
    draft, _ = drafted(DRAWN)
    assert check_sources({"d.yaml": write(draft, "it").encode()}, "small") == []


def test_a_decision_that_only_says_where_to_go_on_becomes_conditions() -> None:
    source = f"""{HEAD}<process id="p" name="X"><startEvent id="s"/><task id="t" name="Pesa"/><exclusiveGateway id="c" default="f4"/>
    <endEvent id="a" name="Leggero"/><endEvent id="b" name="Pesante"/><sequenceFlow id="f1" sourceRef="s" targetRef="t"/>
    <sequenceFlow id="f2" sourceRef="t" targetRef="c"/>
    <sequenceFlow id="f3" sourceRef="c" targetRef="b"><conditionExpression>kilos &gt; 3</conditionExpression></sequenceFlow>
    <sequenceFlow id="f4" sourceRef="c" targetRef="a"/></process></definitions>"""
    draft, left_out = drafted(source)
    (step,) = draft.steps
    assert step.targets == (("kilos > 3", "PESANTE"), ("", "LEGGERO"))
    assert "bpmn.conditions Pesa" in left_out


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (f'<!DOCTYPE d [<!ENTITY a "b">]>{HEAD}</definitions>', "notice_doctype"),
        ("", "notice_blank"),
        ("<definitions/>", "bpmn.root"),
        (f"{HEAD}</definitions>", "bpmn.empty"),
        (f"{HEAD}<process>", "notice_not_well_formed"),
        (HEAD + "<process>" + "<a>" * 200 + "</a>" * 200 + "</process></definitions>", "notice_too_deep"),
        (HEAD + "<process>" + "".join(f'<task id="t{i}"/>' for i in range(MOST_NODES + 1)) + "</process></definitions>", "bpmn.too_much"),
        (" " * (MOST_BYTES + 1), "notice_too_large"),
        ("PK\x03\x04 nothing", "notice_not_well_formed"),
    ],
)
def test_what_is_no_drawing_or_would_do_harm_is_refused(content: str, code: str) -> None:
    with pytest.raises(BadContent) as refused:
        drafted(content)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_ways_that_would_multiply_are_joined_or_refused() -> None:
    chain = "".join(f'<intermediateCatchEvent id="e{index}"/>' for index in range(80))
    pairs = [(f"e{index}", f"e{index + 1}") for index in range(79) for _ in "ab"] + [("t", "e0"), ("e79", "u")]
    twice = "".join(f'<sequenceFlow id="f{index}" sourceRef="{one}" targetRef="{two}"/>' for index, (one, two) in enumerate(pairs))
    ends = '<task id="t"/><task id="u"/>'
    draft, _ = drafted(f"{HEAD}<process>{chain}{twice}{ends}</process></definitions>")
    assert [len(step.targets) for step in draft.steps] == [1, 1]
    star = "".join(
        f'<exclusiveGateway id="g{i}"/><endEvent id="z{i}"/><sequenceFlow id="a{i}" sourceRef="g{i}" targetRef="m"/>'
        f'<sequenceFlow id="b{i}" sourceRef="m" targetRef="z{i}"/>'
        for i in range(60)
    )
    with pytest.raises(BadContent):
        drafted(f'{HEAD}<process><intermediateThrowEvent id="m"/>{star}</process></definitions>')


KINDS = ("task", "serviceTask", "exclusiveGateway", "parallelGateway", "startEvent", "endEvent", "intermediateCatchEvent", "boundaryEvent")
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="￾￿"), max_size=30)
IDS = st.sampled_from(["a", "b", "c", "opening", "state_X", "step_y", "step_y_X", "choice_y", "state_X2", "step_z"])


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(IDS, st.tuples(st.sampled_from(KINDS), NAMES), min_size=1),
    st.lists(st.tuples(IDS, IDS, NAMES), max_size=14),
    st.sampled_from(["qms", "other"]),
)
def test_whatever_is_drawn_and_however_it_is_called_the_draft_can_be_read(
    nodes: dict[str, tuple[str, str]], flows: list[tuple[str, str, str]], exporter: str
) -> None:
    parts = [f'<{kind} id="{id}" name={quoteattr(name)}/>' for id, (kind, name) in nodes.items()]
    parts += [
        f'<sequenceFlow id="f{index}" sourceRef="{source}" targetRef="{target}" name={quoteattr(name)}/>'
        for index, (source, target, name) in enumerate(flows)
    ]
    head = HEAD.replace("targetNamespace", f'exporter="{exporter}" targetNamespace')
    source = f"{head}<process id='p'>{''.join(parts)}</process></definitions>"
    draft, left_out = draft_of(read_bpmn(source.encode(), "d.bpmn"), "d.bpmn")
    found = yaml_file.read(write(draft, "it", [str(problem) for problem in left_out]).encode(), "d.yaml")
    states, steps = found.entries["states"], found.entries["steps"]
    assert isinstance(states, yaml_file.Table)
    assert isinstance(steps, yaml_file.Table)
    assert list(states.entries) == [state.name for state in draft.states]
    assert list(steps.entries) == [step.name for step in draft.steps]
