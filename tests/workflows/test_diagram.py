"""The diagram says where a case stands and which way it came; the same stands in words beside it."""

from xml.etree import ElementTree

from qms.workflows import diagram
from qms.workflows.check import IDENTIFIERS
from qms.workflows.reading import read_definition
from tests.workflows.samples import LAMP

SVG = "{http://www.w3.org/2000/svg}"
PATH = [(None, "opening", "BROKEN"), ("BROKEN", "price_it", "PRICED"), ("PRICED", "mend_it", "MENDED")]
DEFINITION = read_definition(LAMP.encode(), "w.yaml", IDENTIFIERS)


def drawn(source: str = LAMP, **more: object) -> ElementTree.Element:
    definition = read_definition(source.encode(), "w.yaml", IDENTIFIERS)
    return ElementTree.fromstring(diagram.draw(definition, "small", "it", **more))  # type: ignore[arg-type]


def test_the_present_state_and_the_path_are_marked_by_shape_and_word() -> None:
    picture = drawn(current="MENDED", path=PATH)
    (here,) = [group for group in picture.iter(f"{SVG}g") if "is-current" in group.get("class", "")]
    assert here.findtext(f"{SVG}title") == "Riparata"
    assert "stato attuale" in "".join(here.itertext())
    visited = [group.findtext(f"{SVG}title") for group in picture.iter(f"{SVG}g") if "is-visited" in group.get("class", "")]
    assert visited == ["Rotta", "Preventivata", "Riparata"]
    taken = [line for line in picture.iter(f"{SVG}path") if line.get("class") == "step step-taken"]
    assert len(taken) == 2


def test_there_is_no_script_and_no_style() -> None:
    picture = drawn(current="MENDED", path=PATH, link="#step-")
    for part in picture.iter():
        assert part.tag not in (f"{SVG}script", f"{SVG}style", f"{SVG}foreignObject")
        assert not [name for name in part.attrib if name == "style" or name.startswith("on")]


def test_a_title_is_text_whatever_it_holds() -> None:
    picture = drawn(LAMP.replace("it: Riparata", "it: '<script>alert(1)</script> & \"x\"'"))
    assert "<script>alert(1)</script>" in "".join(picture.itertext())


def test_it_describes_itself_and_links_to_the_steps() -> None:
    picture = drawn(current="PRICED", link="#step-")
    assert picture.findtext(f"{SVG}title") == "Diagramma del processo: Riparazione di lampade"
    assert "Stato attuale: Preventivata." in (picture.findtext(f"{SVG}desc") or "")
    assert "#step-mend_it" in [link.get("href") for link in picture.iter(f"{SVG}a")]
    assert (picture.get("role"), drawn().get("role")) == ("group", "img")


def test_nothing_lies_on_anything_else_even_with_many_states() -> None:
    names = [f"S{index}" for index in range(24)]
    states = "".join(
        f"  {name}: {{title: {{it: Uno stato dal nome piuttosto lungo {name}, en: x}}, kind: {kind_of(name)}}}\n" for name in names
    )
    targets = [names[(index * 7 + 3) % 24] if index % 3 == 0 else names[min(index + 1, 23)] for index in range(24)]
    steps = "".join(
        f"  t{index}: {{title: {{it: x, en: x}}, from: [{name}], to: {targets[index]}, by: [QM]}}\n"
        for index, name in enumerate(names[:-1])
    )
    head = LAMP[: LAMP.index("evidence:")]
    source = f"{head}states:\n{states}opening: {{title: {{it: x, en: x}}, by: [QM], asks: [title]}}\nsteps:\n{steps}"
    picture = drawn(source)
    boxes = []
    for group in picture.iter(f"{SVG}g"):
        if "state" in group.get("class", "").split():
            box = group.find(f"{SVG}rect")
            assert box is not None
            boxes.append(tuple(float(box.get(name, "0")) for name in ("x", "y", "width", "height")))
    assert len(boxes) == 24
    for index, (x, y, width, height) in enumerate(boxes):
        for ox, oy, owidth, oheight in boxes[index + 1 :]:
            assert x + width <= ox or ox + owidth <= x or y + height <= oy or oy + oheight <= y
    circles = [(float(one.get("cx", "0")), float(one.get("cy", "0"))) for one in picture.iter(f"{SVG}circle")]
    for index, (x, y) in enumerate(circles):
        assert all(abs(x - ox) >= 18 or abs(y - oy) >= 18 for ox, oy in circles[index + 1 :])
        assert all(not (bx < x < bx + bw and by < y < by + bh) for bx, by, bw, bh in boxes)


def kind_of(name: str) -> str:
    return {"S0": "initial", "S23": "final"}.get(name, "normal")


def test_the_same_stands_in_words() -> None:
    lines = diagram.steps(DEFINITION, "small", "it", PATH)
    words = diagram.in_words(lines, "it")
    assert words[0] == "1. Fai il preventivo: Rotta → Preventivata (fatto)"
    assert words[2] == "3. Aggiungi foto: Preventivata, Riparata → resta dov'è"
    assert len(words) == len(DEFINITION.steps)
