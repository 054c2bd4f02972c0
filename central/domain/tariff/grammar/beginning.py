"""The first day of a term or year: a date, or the text fact that holds one."""

from __future__ import annotations

from datetime import date

from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import DATE, TEXT, Kind, read_date, read_text
from central.domain.tariff.refusal import Code


def _read_beginning(cursor: Cursor) -> date | str:
    """A date, or the text fact that holds one."""
    text, needs = read_text(cursor), cursor.scope.needs
    if text not in needs:
        return read_date(cursor)
    if needs[text] != "text":
        message = f"The fact {text!r} is not a text that could hold a date."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Make it `text`.")
    return text


def _write_beginning(beginning: date | str) -> object:
    return DATE.write(beginning) if isinstance(beginning, date) else beginning


BEGINNING = Kind(_read_beginning, _write_beginning, TEXT.shape)
