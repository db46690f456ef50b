"""Which clock hangs on the wall of a buyer: the countries whose notices reach an Italian consortium, and their time zones."""

from qms.formats.reading import tidy

_COUNTRIES = """
IT ITA Rome | AT AUT Vienna | BE BEL Brussels | BG BGR Sofia | CY CYP Nicosia | CZ CZE Prague | DE DEU Berlin | DK DNK Copenhagen
EE EST Tallinn | GR GRC Athens | EL EL Athens | ES ESP Madrid | FI FIN Helsinki | FR FRA Paris | HR HRV Zagreb | HU HUN Budapest
IE IRL Dublin | LT LTU Vilnius | LU LUX Luxembourg | LV LVA Riga | MT MLT Malta | NL NLD Amsterdam | PL POL Warsaw | PT PRT Lisbon
RO ROU Bucharest | SE SWE Stockholm | SI SVN Ljubljana | SK SVK Bratislava | GB GBR London | UK UK London | CH CHE Zurich
NO NOR Oslo | SM SMR San_Marino | VA VAT Vatican
"""
_ROWS = tuple(row.split() for line in _COUNTRIES.split("\n") for row in line.split("|") if row.strip())
_ZONES = {two: f"Asia/{city}" if city == "Nicosia" else f"Europe/{city}" for two, _, city in _ROWS}
_ALPHA2 = {three: two for two, three, _ in _ROWS}


def alpha(country: str | None) -> str | None:
    """A country as two letters where it is a known one: ``ITA`` and ``IT`` give ``IT``."""
    written = tidy(country or "").upper()
    return _ALPHA2.get(written, written)[:3] or None


def zone_of(country: str | None) -> str | None:
    """The time zone of a country by its two letters, None where it is not known or has several."""
    return _ZONES.get(country) if country else None


_PAIRS = """
ita it eng en fra fr deu de spa es por pt nld nl dan da swe sv fin fi ell el ces cs
slk sk slv sl hrv hr hun hu pol pl ron ro bul bg est et lav lv lit lt mlt mt gle ga
"""
_LANGUAGES = dict(zip(_PAIRS.split()[::2], _PAIRS.split()[1::2], strict=True))


def language_of(written: str | None) -> str | None:
    """A language as two letters in lower case where it is one of the Union's: ``ITA`` and ``IT`` give ``it``."""
    code = tidy(written or "").lower()
    return _LANGUAGES.get(code, code)[:8] or None
