"""Commitments over the lines of a term."""

from __future__ import annotations

from central.domain.tariff.credit_rules import Commitment
from central.domain.tariff.grammar.beginning import BEGINNING
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    TEXT,
    number,
    one_of,
    whole,
)
from central.domain.tariff.grammar.names import CONDITIONS, COUNT, LINE_ID, LINES_ABOVE, no_lines
from central.domain.tariff.grammar.record import Record, Row
from central.domain.tariff.grammar.state import OWNER, SHARES, YEAR_ENDS
from central.domain.tariff.refusal import Code

_MONTHS = {"month": 1, "year": 12}


def _word_of_term(commitment: Commitment) -> str:
    if commitment.months == _MONTHS["month"]:
        return "month"
    return "year" if commitment.begins is None else "term"


def _months_of_term(commitment: Commitment) -> int | None:
    return commitment.months if _word_of_term(commitment) == "term" else None


def _is_term(commitment: Cursor) -> bool:
    return bool(commitment.values["per"] == "term")


def _count_months(commitment: Cursor) -> None:
    values = commitment.values
    values["months"] = _MONTHS.get(values["per"], values["months"])
    if values["begins"] is None and values["months"] not in _MONTHS.values():
        message = f"A term of {values['months']} months needs its first day."
        commitment.refuse(Code.MISSING_KEY, message, "Add `begins: 2026-07-01`.")


TERM = one_of("month", "year", "term")

COMMITMENT = Record(
    Commitment,
    (
        Row("id", LINE_ID, required=True),
        Row("name", TEXT),
        Row("of", LINES_ABOVE, required=True, absent=no_lines),
        Row(
            "amount",
            number(0, None, "The commitment is below zero.", "Write an amount above zero."),
            required=True,
        ),
        Row("qty", COUNT),
        Row("per", TERM, default="year", in_model=False, get=_word_of_term),
        Row("months", whole(1, 120), required=True, when=_is_term, get=_months_of_term),
        Row("begins", BEGINNING),
        Row("year_end", whole(1, 12), default=12),
        Row("basis", one_of("before_credits", "after_credits"), default="before_credits"),
        Row("shortfall", one_of("charge", "carry"), default="charge"),
        Row("excess", one_of("lapse", "carry"), default="lapse"),
        Row("ends", YEAR_ENDS, default="period"),
        Row("share", SHARES, default="none"),
        OWNER,
        *CONDITIONS,
    ),
    checks=(_count_months,),
    ref="commitment",
)
