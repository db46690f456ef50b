"""What people type is read as they write it, kept in one exact form, and asked back where it could mean two things."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.workflows.definition import Field
from qms.workflows.fields import Reading, kept, nested, read_value, typed

TITLE = {"it": "x", "en": "x"}


class Everybody:
    def person(self, name: str) -> bool:
        return name == "ada"

    def organisation(self, name: str) -> bool:
        return name == "own-house"

    def case(self, number: str, workflow: str | None) -> bool:
        return number == "LAMP-2035-0001" and workflow in (None, "lamp-repair")


def field(type_: str, /, **more: object) -> Field:
    return Field(name="f", type=type_, title=TITLE, line=1, **more)  # type: ignore[arg-type]


def reading(as_found: bool = False) -> Reading:
    return Reading(ZoneInfo("Europe/Rome"), Everybody(), as_found)


CHOICE = field("choice", options={"A": TITLE, "B": TITLE})
CHOICES = field("choices", options={"A": TITLE, "B": TITLE, "C": TITLE})
TABLE = field("table", columns={"name": field("text", required=True), "amount": field("money")}, least=Decimal(2), most=Decimal(3))


@pytest.mark.parametrize(
    ("wanted", "raw", "expected"),
    [
        (field("text"), "  una\tlampada \n rotta ", "una lampada rotta"),
        (field("text"), "", None),
        (field("long_text"), "a\r\nb\n", "a\nb"),
        (field("integer"), "1.234", 1234),
        (field("integer"), 12, 12),
        (field("money"), "€ 1.234,5", "1234.50"),
        (field("money"), 12.5, "12.50"),
        (field("money"), "1234.50", "1234.50"),
        (field("decimal"), "0,125", "0.125"),
        (field("percent"), "12,5 %", "12.5"),
        (field("date"), "22/11/2026", "2026-11-22"),
        (field("datetime"), "22/11/2026 12:00", "2026-11-22T11:00:00.000Z"),
        (field("datetime"), "2026-07-01T12:00", "2026-07-01T10:00:00.000Z"),
        (field("datetime"), "2026-07-01T12:00:00+00:00", "2026-07-01T12:00:00.000Z"),
        (field("duration"), "5 wd", "5wd"),
        (field("boolean"), "sì", True),
        (field("boolean"), False, False),
        (CHOICE, "A", "A"),
        (CHOICES, ["C", "A", "C"], ["A", "C"]),
        (CHOICES, "B", ["B"]),
        (CHOICES, [], None),
        (field("person"), "ada", "ada"),
        (field("organisation"), "own-house", "own-house"),
        (field("role"), "QM", "QM"),
        (field("case", workflow="lamp-repair"), "LAMP-2035-0001", "LAMP-2035-0001"),
        (field("document"), "PRO-8.2-01", "PRO-8.2-01"),
        (field("email"), "ada@example.org", "ada@example.org"),
        (field("url"), "https://example.org/a?b=c", "https://example.org/a?b=c"),
        (field("identifier", kind="CUP"), " j33d20002160007 ", "J33D20002160007"),
        (
            TABLE,
            [{"name": "a", "amount": "1,5"}, {"name": "", "amount": ""}, {"name": "b"}],
            [{"name": "a", "amount": "1.50"}, {"name": "b"}],
        ),
    ],
)
def test_a_value_is_kept_in_its_one_form(wanted: Field, raw: object, expected: object) -> None:
    at = reading()
    assert read_value(at, wanted, raw) == expected
    assert at.faults == []


@pytest.mark.parametrize(
    ("wanted", "raw"),
    [
        (field("text"), 5),
        (field("text"), "x" * 301),
        (field("text"), "a\x00b"),
        (field("text"), "a\x1b[0m"),
        (field("text", most=Decimal(2)), "abc"),
        (field("text", least=Decimal(5)), "abc"),
        (field("text", pattern="[0-9]{3}"), "12a"),
        (field("long_text"), "x" * 20_001),
        (field("integer"), "1,5"),
        (field("integer"), True),
        (field("integer"), "x"),
        (field("integer", least=Decimal(1), most=Decimal(4)), "5"),
        (field("integer", least=Decimal(1), most=Decimal(4)), "0"),
        (field("money"), "1.234"),
        (field("money"), "1,999"),
        (field("money"), "12,345"),
        (field("money"), [1]),
        (field("date"), "2026-02-30"),
        (field("date"), "22/11"),
        (field("datetime"), "22/11/2026"),
        (field("datetime"), "29/03/2026 02:30"),
        (field("duration"), "3 giorni"),
        (field("boolean"), "forse"),
        (field("boolean"), 1),
        (CHOICE, "C"),
        (CHOICE, ["A"]),
        (CHOICES, ["A", "Z"]),
        (field("person"), "bob"),
        (field("organisation"), "x"),
        (field("role"), "qm"),
        (field("case", workflow="other"), "LAMP-2035-0001"),
        (field("document"), "../x"),
        (field("email"), "a@b"),
        (field("email"), "a b@example.org"),
        (field("url"), "javascript:alert(1)"),
        (field("url"), "https://user:secret@example.org"),
        (field("url"), "https://[x"),
        (field("identifier", kind="CUP"), "J33D2000216000"),
        (TABLE, {"name": "a"}),
        (TABLE, ["a"]),
        (TABLE, [{"name": "a"}]),
        (TABLE, [{"name": str(n)} for n in range(4)]),
        (TABLE, [{"amount": "1"}, {"name": "b"}]),
        (TABLE, [{"name": "a", "size": "1"}, {"name": "b"}]),
    ],
)
def test_what_cannot_be_taken_is_said_in_both_languages(wanted: Field, raw: object) -> None:
    at = reading()
    read_value(at, wanted, raw)
    assert at.faults
    for fault in at.faults:
        assert fault.problem is None or (fault.problem["it"] and fault.problem["en"])


def test_an_amount_that_could_be_two_is_asked_back_with_both() -> None:
    at = reading()
    read_value(at, field("money"), "1.234")
    (fault,) = at.faults
    assert fault.problem is not None
    assert "1234" in fault.problem["it"] and "1.234" in fault.problem["it"]


def test_an_hour_that_came_twice_is_the_earlier_and_is_noted() -> None:
    at = reading()
    assert read_value(at, field("datetime"), "25/10/2026 02:30") == "2026-10-25T00:30:00.000Z"
    assert at.notes == {"f": "moment_twice"}


def test_a_code_that_a_file_brought_is_kept_as_it_was() -> None:
    at = reading(as_found=True)
    assert read_value(at, field("identifier", kind="CIG"), "123") == "123"
    assert at.faults == []


def test_flat_names_of_a_form_become_rows() -> None:
    pairs = [
        ("title", "x"),
        ("lots.1.cig", "b"),
        ("lots.0.cig", "a"),
        ("lots.0.amount", "1"),
        ("tags", "A"),
        ("tags", "B"),
        ("__proto__", "x"),
    ]
    assert nested(pairs) == {
        "title": "x", "tags": ["A", "B"], "lots": [{"cig": "a", "amount": "1"}, {"cig": "b"}], "__proto__": "x",
    }  # fmt: skip


@given(cents=st.integers(0, 10**12))
def test_money_survives_the_way_there_and_back(cents: int) -> None:
    written = f"{cents // 100},{cents % 100:02d}"
    stored = read_value(reading(), field("money"), written)
    assert typed(field("money"), stored) == Decimal(cents) / 100
    assert kept(field("money"), typed(field("money"), stored)) == stored


@given(text=st.text(max_size=400))
def test_no_text_breaks_a_reader(text: str) -> None:
    for kind in (
        "text",
        "long_text",
        "integer",
        "money",
        "percent",
        "date",
        "datetime",
        "duration",
        "boolean",
        "email",
        "url",
        "role",
        "document",
    ):
        at = reading()
        value = read_value(at, field(kind), text)
        assert value is None or not at.faults
