"""The register goes into a spreadsheet: the reader's titles, only what they may see, and no cell that computes."""

import csv
from io import StringIO

from qms.web.documents import harmless
from tests.web.conftest import AsPerson


def test_the_register_is_given_as_a_file_of_what_the_reader_may_see(as_person: AsPerson) -> None:
    given = as_person("quality").get("/documents/register.csv")
    assert given.headers["content-disposition"].startswith("attachment;")
    text = given.content.decode("utf-8-sig")
    rows = {row[0]: row for row in csv.reader(StringIO(text), delimiter=";")}
    assert rows["PRO-7.5-01"][1:3] == ["Controllo dei documenti", "0"]
    fewer = as_person("kennel").get("/documents/register.csv").content.decode("utf-8-sig")
    assert len(fewer.splitlines()) < len(text.splitlines())


def test_no_cell_is_taken_for_a_formula() -> None:
    assert [harmless(cell) for cell in ("=1+1", " @x", "-2", "+3", "Gare")] == ["'=1+1", "' @x", "'-2", "'+3", "Gare"]
