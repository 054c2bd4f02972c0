"""What changes the amount due: a word, or a word with how."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from central.domain.tariff.credit_rules import (
    BUDGET_BILLING,
    PREPAID,
    ROUND_TOTAL,
    TRUE_UP_PAYOUT,
    BudgetBilling,
    Prepaid,
    RoundTotal,
    Settlement,
    TrueUpPayout,
)
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    NUMBER,
    Kind,
    list_shape,
    one_of,
    read_number,
    whole,
)
from central.domain.tariff.grammar.names import FLAG_FACT
from central.domain.tariff.grammar.node import Fields, Scalar
from central.domain.tariff.grammar.record import Record, Row
from central.domain.tariff.grammar.state import OWNER_OF_MONEY
from central.domain.tariff.refusal import Code


def _read_step(cursor: Cursor) -> Decimal:
    """What the currency's digits can hold a multiple of."""
    step, digits = read_number(cursor), cursor.scope.currency_digits
    if step <= 0 or step != round(step, digits):
        message = f"{step} is not an amount above zero of at most {digits} decimals."
        cursor.refuse(Code.OUT_OF_RANGE, message, "Write 0.05, 1 or 10.")
    return step


_STEP = Kind(_read_step, NUMBER.write, NUMBER.shape, ref=NUMBER.ref)
_BY_WORD = {
    TRUE_UP_PAYOUT: Record(TrueUpPayout, ()),
    BUDGET_BILLING: Record(
        BudgetBilling,
        (
            Row("months", whole(2, 36), default=12, always=True),
            Row("settle_up", whole(1, 12)),
            Row("only", FLAG_FACT),
            OWNER_OF_MONEY,
        ),
    ),
    ROUND_TOTAL: Record(RoundTotal, (Row("to", _STEP, required=True),)),
    PREPAID: Record(
        Prepaid,
        (
            Row("expires_months", whole(1, 600)),
            Row("only", FLAG_FACT),
            OWNER_OF_MONEY,
        ),
    ),
}


_WORD = one_of(*_BY_WORD)


def _read_settlement(cursor: Cursor) -> tuple[object, ...]:
    entries: list[object] = []
    seen: set[str] = set()
    for entry in cursor.items():
        with cursor.report.item():
            word, how = _word_and_how(entry)
            if word in seen or word in cursor.scope.lines:
                message = f"{word!r} is listed twice, or is the id of a line."
                entry.refuse(Code.DUPLICATE_NAME, message, "Keep one of them.")
            seen.add(word)
            entries.append(_BY_WORD[word].read(how))
    return tuple(entries)


def _word_and_how(cursor: Cursor) -> tuple[str, Cursor]:
    word, how = cursor.node, None
    if isinstance(cursor.node, Fields) and len(cursor.node.nodes) == 1:
        ((key, how),) = cursor.node.nodes.items()
        word = Scalar(key, cursor.line)
    text = str(_WORD.read(replace(cursor, node=word)))
    if how is None or (isinstance(how, Scalar) and how.is_null):
        how = Fields({}, cursor.line)
    return text, cursor.inside(text, how)


def _write_settlement(entries: tuple[Settlement, ...]) -> list[object]:
    return [_write_entry(entry) for entry in entries]


def _write_entry(entry: Settlement) -> object:
    word = next(word for word, record in _BY_WORD.items() if record.model is type(entry))
    how = _BY_WORD[word].write(entry)
    return {word: how} if how else word


_WITH_HOW = [
    Record(None, (Row(word, record, required=True),))
    for word, record in _BY_WORD.items()
    if record.rows
]
SETTLEMENT = Kind(
    _read_settlement,
    _write_settlement,
    list_shape({"anyOf": [_WORD.shape, *(entry.shape for entry in _WITH_HOW)]}),
)
