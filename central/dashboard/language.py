"""The languages of the pages: their texts, and how each writes numbers and days.

English is what templates and code say. Every other language is one catalogue of gettext in
`locales/`, read when the pages are mounted: nothing is compiled or packed apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from starlette.requests import Request

COOKIE = "meterline_language"
COOKIE_AGE_S = 400 * 86_400
LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
"""Languages by code, each by its own name; the first is what is shown where nothing is asked."""

_DAYS = {"en": "EEE d MMM y", "es": "EEE d MMM y"}
_SHORT_DAYS = {"en": "d MMM", "es": "d MMM"}
_MONTHS = {"en": "MMMM y", "es": "MMMM 'de' y"}


def marked(text: str) -> str:
    """The text itself, which is put into the catalogues to be translated where it is shown."""
    return text


def catalogue_of(code: str) -> Catalog:
    """The texts of a language, as they stand in the repository.

    Args:
        code: Of a language other than English.
    """
    with files(__package__).joinpath("locales", f"{code}.po").open("rb") as source:
        return read_po(source, locale=code, abort_invalid=True)


class Language:
    """A language that pages are shown in.

    Args:
        code: One of `LANGUAGES`.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.name = LANGUAGES[code]
        locale = Locale(code)
        symbols = locale.number_symbols["latn"]
        self._code_first = locale.currency_formats["standard"].pattern.startswith(
            "\N{CURRENCY SIGN}"
        )
        self.decimal = symbols["decimal"]
        self._swapped = str.maketrans({",": symbols["group"], ".": self.decimal})
        self._texts = NullTranslations() if code == "en" else _translations(code)

    def gettext(self, text: str) -> str:
        """A text of the code in this language."""
        return self._texts.gettext(text)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """A text in the form that suits a number of things."""
        return self._texts.ngettext(singular, plural, count)

    def numeral(self, text: str) -> str:
        """A number written the English way (1,234.5), as this language writes it."""
        return text.translate(self._swapped)

    def amount(self, numeral: str, currency: str) -> str:
        """An amount of a currency, whose code stands on the side on which this language has it."""
        parts = (currency, numeral) if self._code_first else (numeral, currency)
        return " ".join(filter(None, parts))

    def day(self, value: date) -> str:
        """A date with its weekday, that reads the same everywhere."""
        return format_date(value, _DAYS[self.code], locale=self.code)

    def short_day(self, value: date) -> str:
        """A date without its year."""
        return format_date(value, _SHORT_DAYS[self.code], locale=self.code)

    def month(self, value: date) -> str:
        """A month and its year."""
        return format_date(value, _MONTHS[self.code], locale=self.code)


class PlainLanguage(Language):
    """A language whose numbers and days are written for a spreadsheet: 1234.5 and 2026-10-31."""

    def numeral(self, text: str) -> str:
        """A number without groups, with a point."""
        return text.replace(",", "")

    def amount(self, numeral: str, currency: str) -> str:
        """An amount before its currency's code."""
        return f"{numeral} {currency}".rstrip()

    def day(self, value: date) -> str:
        """A date as ISO 8601 writes it."""
        return value.isoformat()

    def short_day(self, value: date) -> str:
        """A date as ISO 8601 writes it, with its year."""
        return value.isoformat()

    def month(self, value: date) -> str:
        """A month as ISO 8601 writes it."""
        return f"{value:%Y-%m}"


@cache
def plain_language_of(code: str) -> PlainLanguage:
    """A language for a spreadsheet by its code.

    Raises:
        KeyError: Pages are not shown in it.
    """
    return PlainLanguage(code)


@cache
def language_of(code: str) -> Language:
    """A language by its code.

    Raises:
        KeyError: Pages are not shown in it.
    """
    return Language(code)


ENGLISH = language_of("en")


def chosen_language(request: Request) -> Language:
    """What somebody chose, else what the browser asks for, else the first.

    Args:
        request: With the cookie of the choice, or with `Accept-Language`.
    """
    code = request.cookies.get(COOKIE, "")
    if code not in LANGUAGES:
        header = request.headers.get("accept-language", "")
        code = next((code for code in _asked(header) if code in LANGUAGES), next(iter(LANGUAGES)))
    return language_of(code)


def _asked(header: str) -> Iterator[str]:
    """The codes of an `Accept-Language`, without their regions, the one most wished for first."""
    wishes = []
    for position, wish in enumerate(header[:200].split(",")):
        tag, _, weight = wish.partition(";")
        text = weight.strip().removeprefix("q=") if weight else "1"
        if text.replace(".", "", 1).isdecimal() and text.isascii() and float(text) > 0:
            wishes.append((-float(text), position, tag.strip().lower().partition("-")[0]))
    return (code for *_, code in sorted(wishes))


def _translations(code: str) -> Translations:
    packed = BytesIO()
    write_mo(packed, catalogue_of(code))
    packed.seek(0)
    return Translations(packed)
