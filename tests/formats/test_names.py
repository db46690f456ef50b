"""File names from outside: their last part, without anything that could harm a header, a path or an eye."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.formats import names


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Utenti\\gare\\Bando n. 3.PDF", "Bando n. 3.PDF"),
        ("a\r\nSet-Cookie: x.pdf", "a Set-Cookie: x.pdf"),
        ("fattura\u202efdp.exe", "fatturafdp.exe"),
        ('dgue "firmato".p7m', "dgue 'firmato'.p7m"),
        ("", "file"),
        ("..", "file"),
        ("/", "file"),
        (".htaccess", "htaccess"),
    ],
)
def test_a_file_name_is_cleaned(written: str, name: str) -> None:
    assert names.clean(written) == name


def test_a_long_name_keeps_its_extension() -> None:
    assert names.clean("x" * 300 + ".pdf") == "x" * 146 + ".pdf"
    assert names.extension("Offerta.firmata.P7M") == "p7m"
    assert names.extension("senza") == ""


@given(st.text(max_size=400))
def test_any_name_comes_out_harmless_and_stays_as_it_is_the_second_time(written: str) -> None:
    name = names.clean(written)
    assert 0 < len(name) <= names.LONGEST
    assert not set(name) & set('/\\"\r\n\0')
    assert all(unicodedata.category(character)[0] != "C" for character in name)
    assert names.clean(name) == name
