"""How values look to a reader: dates in words with the full instant behind them, amounts with their comma, lateness said, not coloured."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from markupsafe import Markup

from qms.database import moment as parsed
from qms.database import stamp
from qms.errors import Problem, Reason, Text
from qms.locale import knows, say, sentence
from qms.workflows.indicators import Period


class Words:
    """Formats values for one reader: their language, the house's zone, the present moment, the titles of roles."""

    def __init__(self, language: str, zone: ZoneInfo, now: datetime, roles: Mapping[str, Text] | None = None) -> None:
        self.language, self.zone, self.now, self.roles = language, zone, now, roles

    def t(self, key: str, /, count: int | None = None, **values: object) -> str:
        """The sentence for ``key``."""
        return say(self.language, key, count, **values)

    def two(self, text: object) -> str:
        """The reader's side of a text written in both languages."""
        return str(text[self.language]) if isinstance(text, dict) else str(text or "")

    def tell(self, found: Reason | Problem) -> str:
        """What to say about one unmet requirement or one mistake in a file."""
        return tell(self.language, found, self.roles)

    def plain_day(self, day: date | str) -> str:
        """``22 nov 2026``."""
        found = date.fromisoformat(day[:10]) if isinstance(day, str) else day
        return format_date(found, "d MMM yyyy", locale=self.language)

    def plain_instant(self, at: datetime | str) -> str:
        """``22 nov 2026, 11:58`` on the clock of the house."""
        found = parsed(at) if isinstance(at, str) else at
        return format_datetime(found.astimezone(UTC), "d MMM yyyy, HH:mm", tzinfo=self.zone, locale=self.language)

    def day(self, day: date | datetime | str | None) -> Markup:
        """A day, the whole of it behind."""
        if day is None or day == "":
            return Markup("–")
        if isinstance(day, datetime) or (isinstance(day, str) and len(day) > 10):
            found = parsed(day) if isinstance(day, str) else day
            day = found.astimezone(self.zone).date()
        iso = day if isinstance(day, str) else day.isoformat()
        full = format_date(date.fromisoformat(iso), "full", locale=self.language)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(iso, full, self.plain_day(iso))

    def period(self, period: Period) -> str:
        """``2026``, ``T1 2026``, ``gen 2026``."""
        return format_date(period.first, {"year": "yyyy", "quarter": "QQQ yyyy", "month": "MMM yyyy"}[period.every], locale=self.language)

    def instant(self, at: datetime | str | None) -> Markup:
        """A moment by the clock of the house, the full instant in UTC behind it."""
        if at is None or at == "":
            return Markup("–")
        found = parsed(at) if isinstance(at, str) else at
        full = format_datetime(found.astimezone(UTC), "EEEE d MMMM yyyy, HH:mm:ss zzzz", tzinfo=self.zone, locale=self.language)
        shown = f"{full} · {stamp(found)}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp(found), shown, self.plain_instant(found))

    def for_input(self, at: datetime | str | None) -> str:
        """A moment as one would type it into a form: ``22/11/2026 11:58``."""
        if at is None or at == "":
            return ""
        found = (parsed(at) if isinstance(at, str) else at).astimezone(self.zone)
        return found.strftime("%d/%m/%Y %H:%M" if not found.second else "%d/%m/%Y %H:%M:%S")

    def number(self, value: Decimal | int | str, decimals: int | None = None) -> str:
        """``1.234,56``."""
        form = "#,##0." + "0" * decimals if decimals else "#,##0.##########"
        return format_decimal(Decimal(str(value)), form, locale=self.language)

    def money(self, value: Decimal | str, unit: str | None = "EUR") -> str:
        """``1.234,56 €``."""
        return f"{self.number(value, 2)} {'€' if unit in (None, 'EUR') else unit}"

    def span(self, length: timedelta) -> str:
        """A length of time in its largest fitting unit: ``3 giorni``, ``5 ore``."""
        seconds = abs(int(length.total_seconds()))
        if seconds >= 86_400:
            return self.t("web.span.days", seconds // 86_400)
        if seconds >= 3_600:
            return self.t("web.span.hours", seconds // 3_600)
        return self.t("web.span.minutes", max(seconds // 60, 1))

    def due(self, at: datetime | str | None) -> str:
        """How a deadline stands now: ``in ritardo di 3 giorni``, ``tra 5 ore``."""
        if at is None or at == "":
            return ""
        left = (parsed(at) if isinstance(at, str) else at) - self.now
        return self.t("web.late" if left < timedelta() else "web.left", span=self.span(left))

    def is_past(self, day: str | None) -> bool:
        """Whether a day, as ISO 8601 writes it, lies before today."""
        return bool(day) and str(day) < self.now.astimezone(self.zone).date().isoformat()

    def is_late(self, at: datetime | str | None) -> bool:
        """Whether a deadline has passed."""
        return bool(at) and (parsed(at) if isinstance(at, str) else at) < self.now  # type: ignore[operator]

    def spark(self, series: Sequence[tuple[str, Decimal]], target: Decimal) -> Markup:
        """A small line of past values with the target dashed; the same values in words for who does not see it."""
        told = "; ".join(f"{period}: {self.number(value)}" for period, value in series)
        values = [value for _, value in series]
        low, high = min(*values, target), max(*values, target)
        wide = Decimal(88) / max(len(values) - 1, 1)
        heights = [20 - 16 * (value - low) / (high - low or 1) for value in (*values, target)]
        points = " ".join(f"{4 + wide * place:.1f},{height:.1f}" for place, height in enumerate(heights[:-1]))
        last = points.rpartition(" ")[2].split(",")
        return Markup(
            '<svg class="spark" role="img" aria-label="{}" viewBox="0 0 96 24" width="96" height="24"><title>{}</title>'
            '<line x1="4" x2="92" y1="{}" y2="{}"/><polyline points="{}"/><circle cx="{}" cy="{}" r="2.5"/></svg>'
        ).format(told, told, f"{heights[-1]:.1f}", f"{heights[-1]:.1f}", points, *last)

    def size(self, count: int) -> str:
        """``12 kB``."""
        return f"{self.number(max(count // 1000, 1))} kB" if count < 1_000_000 else f"{self.number(Decimal(count) / 1_000_000, 1)} MB"


def tell(language: str, found: Reason | Problem, roles: Mapping[str, Text] | None = None) -> str:
    """The sentence for one unmet requirement or one mistake in a file; its bare code where no room has words for it."""
    key = f"problem.{found.code}" if isinstance(found, Problem) else f"refusal.{found.kind}"
    is_known = knows(language, key) or (isinstance(found, Reason) and found.text is not None)
    return sentence(language, found, roles) if is_known else say(language, "web.mistake.code", code=found.code)
