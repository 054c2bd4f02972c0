"""How numbers, times and states read on a page, in the language of the page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from central.dashboard.language import Language, plain_language_of
from central.domain.metering.display_unit import spelled, spelled_quantity
from central.service.views.billing import spell_fraction
from firmware_bridge.contract.interval import zone_info
from firmware_bridge.contract.quantity import Quantity, Unit

DASH = "\N{EN DASH}"
_MINUTE_S = 60
_DIGITS_MAX, _DIGITS_SHOWN = 6, 4
_STEPS = ((timedelta(days=2), "d", 86_400), (timedelta(hours=2), "h", 3600))


def words(code: str) -> str:
    """A code as people read it; what has spaces is read as it is.

    >>> words("NOT_DUE")
    'not due'
    """
    if " " in code:
        return code
    return code.replace("_", " ").lower() if code.isupper() else code.replace("_", " ")


def sentence(text: str) -> str:
    """A text with its first letter large, as it begins a sentence; the others stay."""
    return f"{text[:1].upper()}{text[1:]}"


def iso(instant: datetime | None) -> str:
    """RFC 3339, for machines."""
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def utc(instant: datetime | None) -> str:
    """An instant to the second, in UTC."""
    return DASH if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def local(instant: datetime, zone: str) -> str:
    """A local time of day with its offset, which tells the two autumn hours apart."""
    there = instant.astimezone(zone_info(zone))
    return f"{there:%H:%M} {offset(there)}"


def offset(there: datetime) -> str:
    """The offset from UTC such as +02:00."""
    text = f"{there:%z}"
    return f"{text[:3]}:{text[3:5]}"


class Presenter:
    """Writes values for people.

    Args:
        language: Of the page.
    """

    def __init__(self, language: Language) -> None:
        self.language = language

    def number(self, value: Decimal | int | str | None, digits: int | None = None) -> str:
        """A number with groups of three; all its digits, or so many after the point."""
        if value is None:
            return DASH
        exact = Decimal(value)
        text = f"{exact:,.{digits}f}" if digits is not None else f"{exact:,f}"
        return self.language.numeral(text)

    def rounded(self, value: Decimal) -> str:
        """A number of things; where many digits stand behind the point, about four of them."""
        exponent = value.normalize().as_tuple().exponent
        if not isinstance(exponent, int) or exponent >= -_DIGITS_MAX:
            return self.number(value)
        short = round(value, _DIGITS_SHOWN)
        return f"\N{ALMOST EQUAL TO} {self.number(short)}"

    def fraction(self, value: Fraction) -> str:
        """A decimal where that is exact, else the fraction itself."""
        return self.language.numeral(spell_fraction(value))

    def money(self, value: Decimal | None, currency: str | None) -> str:
        """An amount with its currency's code."""
        if value is None:
            return DASH
        numeral = self.number(value).replace("-", "\N{MINUS SIGN}")
        return self.language.amount(numeral, currency or "")

    def price(self, value: Decimal | None) -> str:
        """A price with all its digits, at least two after the point."""
        if value is None:
            return ""
        exponent = value.normalize().as_tuple().exponent
        return self.number(value, max(2, -exponent) if isinstance(exponent, int) else 2)

    def energy(self, mantissa: int | None, exponent: int, unit: Unit) -> str:
        """A sum of a channel as people read it: Wh as kWh, L as m3, every digit kept."""
        if mantissa is None:
            return DASH
        return self.language.numeral(spelled(mantissa, exponent, unit))

    def quantity(self, value: Quantity | None) -> str:
        """A reading as people read it."""
        return DASH if value is None else self.language.numeral(spelled_quantity(value))

    def word(self, value: object) -> str:
        """A state, a kind or another fixed text of the domain; see `words.py`."""
        return self.language.gettext(words(str(value))) if value else ""

    def ago(self, instant: datetime | None, now: datetime) -> str:
        """How long ago something was, in one unit."""
        gettext = self.language.gettext
        if instant is None:
            return gettext("never")
        gone = now - instant
        for least, name, seconds in _STEPS:
            if gone >= least:
                length = f"{int(gone.total_seconds()) // seconds} {name}"
                return gettext("%(length)s ago") % {"length": length}
        if gone < timedelta(seconds=-_MINUTE_S):
            return gettext("in the future")
        if gone < timedelta(seconds=_MINUTE_S):
            return gettext("just now")
        length = f"{int(gone.total_seconds()) // _MINUTE_S} min"
        return gettext("%(length)s ago") % {"length": length}

    def local_stamp(self, instant: datetime, zone: str) -> str:
        """A local date without its year, time of day and offset."""
        there = instant.astimezone(zone_info(zone))
        return f"{self.language.short_day(there.date())} {there:%H:%M} {offset(there)}"

    def day(self, value: date | None) -> str:
        """A date that reads the same everywhere."""
        return DASH if value is None else self.language.day(value)

    def last_day(self, end: date | None) -> str:
        """The last day of days that end before one; a dash where they go on."""
        return self.day(None if end is None else end - timedelta(days=1))

    def month_name(self, value: date) -> str:
        """A month and its year."""
        return self.language.month(value)

    def period(self, seconds: int) -> str:
        """The length of an interval."""
        if seconds == 0:
            return self.language.gettext("irregular")
        if seconds % 3600 == 0:
            return f"{seconds // 3600} h"
        return f"{seconds // _MINUTE_S} min" if seconds % _MINUTE_S == 0 else f"{seconds} s"

    def hours(self, interval_s: float) -> str:
        """The length of a day; 23 and 25 hours are worth seeing."""
        return self.language.numeral(f"{interval_s / 3600:g} h")


class PlainPresenter(Presenter):
    """Writes values for a spreadsheet: every digit, no groups, the sign that programs read.

    Args:
        language: Whose words are used.
    """

    def __init__(self, language: Language) -> None:
        super().__init__(plain_language_of(language.code))

    def rounded(self, value: Decimal) -> str:
        """A number of things, all its digits."""
        return self.number(value)

    def money(self, value: Decimal | None, currency: str | None) -> str:
        """An amount before its currency's code."""
        return "" if value is None else self.language.amount(self.number(value), currency or "")


FILTERS = (
    "number", "rounded", "fraction", "money", "price", "energy", "quantity", "word", "local_stamp",
    "day", "last_day", "month_name", "period", "hours",
)  # fmt: skip
"""Methods of a presenter that templates use as filters."""
