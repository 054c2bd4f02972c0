"""Commitments and settlement from text."""

from __future__ import annotations

from datetime import date
from typing import Literal, cast

from central.domain.tariff.credit_rules import (
    BUDGET_BILLING,
    PREPAID,
    TRUE_UP_PAYOUT,
    BudgetBilling,
    Commitment,
    Prepaid,
    Settlement,
    TrueUpPayout,
)
from central.domain.tariff.load.charges import base, count_of, fact_flag, new_id
from central.domain.tariff.load.fields import (
    FieldReader,
    Report,
    date_of,
    items_of,
    text_of,
)
from central.domain.tariff.load.prices import Scope
from central.domain.tariff.load.yaml_source import Fields, Node, Scalar
from central.domain.tariff.refusal import Code

_TERMS = {"month": 1, "year": 12}


def load_commitments(node: Node | None, scope: Scope, report: Report) -> tuple[Commitment, ...]:
    """Commitments over charges, riders and minimums; taxes may name their lines."""
    found: list[Commitment] = []
    nodes: tuple[Node, ...] = ()
    if node is not None:
        with report.item():
            nodes = items_of(node, "commitments", report)
    for number, child in enumerate(nodes):
        with report.item():
            found.append(_commitment(FieldReader(child, f"commitments[{number}]", report), scope))
    return tuple(found)


def _commitment(reader: FieldReader, scope: Scope) -> Commitment:
    identifier = new_id(reader, scope)
    name = reader.text("name")
    of = base(reader, identifier, scope)
    amount = reader.number("amount")
    if amount < 0:
        message = "A commitment below zero commits to nothing."
        reader.report.refuse(
            Code.OUT_OF_RANGE, reader.line, reader.where("amount"), message, "Write one above."
        )
    qty = count_of(reader, scope)
    per = reader.choice("per", ("month", "year", "term"), "year")
    months = _TERMS.get(per) or reader.whole("months", 1, 120)
    begins = _begins(reader, scope)
    year_end = reader.whole("year_end", 1, 12, default=12)
    if begins is None and months not in _TERMS.values():
        message = f"A term of {months} months needs its first day."
        reader.report.refuse(
            Code.MISSING_KEY, reader.line, reader.path, message, "Add `begins: 2026-07-01`."
        )
    basis = reader.choice("basis", ("before_credits", "after_credits"), "before_credits")
    shortfall = reader.choice("shortfall", ("charge", "carry"), "charge")
    excess = reader.choice("excess", ("lapse", "carry"), "lapse")
    reader.done()
    return Commitment(
        identifier,
        name,
        of,
        amount,
        qty,
        months,
        begins,
        year_end,
        cast("Literal['before_credits', 'after_credits']", basis),
        cast("Literal['charge', 'carry']", shortfall),
        cast("Literal['lapse', 'carry']", excess),
    )


def _begins(reader: FieldReader, scope: Scope) -> date | str | None:
    node = reader.take("begins")
    if node is None:
        return None
    path = reader.where("begins")
    text = text_of(node, path, reader.report)
    if text in scope.needs:
        if scope.needs[text] != "text":
            message = f"The fact {text!r} is no text that could hold a date."
            reader.report.refuse(Code.WRONG_FACT_KIND, node.line, path, message, "Make it `text`.")
        return text
    return date_of(node, path, reader.report)


def load_settlement(node: Node | None, scope: Scope, report: Report) -> tuple[Settlement, ...]:
    """What changes the amount due, in order: words, or `word: {how}`."""
    found: list[Settlement] = []
    nodes: tuple[Node, ...] = ()
    if node is not None:
        with report.item():
            nodes = items_of(node, "settlement", report)
    seen: set[str] = set()
    for number, child in enumerate(nodes):
        with report.item():
            path = f"settlement[{number}]"
            kind, fields = _entry(child, path, report)
            if kind in seen or kind in scope.lines:
                message = f"{kind!r} stands here twice, or is the id of a line."
                report.refuse(Code.DUPLICATE_NAME, child.line, path, message, "Keep one of them.")
            seen.add(kind)
            reader = FieldReader(fields, f"{path}.{kind}", report)
            found.append(_settlement(kind, reader, scope))
    return tuple(found)


def _entry(node: Node, path: str, report: Report) -> tuple[str, Node]:
    kinds = (TRUE_UP_PAYOUT, BUDGET_BILLING, PREPAID)
    nothing: Node = Fields({}, node.line)
    word, how = node, nothing
    if isinstance(node, Fields) and len(node.nodes) == 1:
        ((key, inner),) = node.nodes.items()
        word = Scalar(key, node.line)
        how = nothing if isinstance(inner, Scalar) and inner.is_null else inner
    text = text_of(word, path, report)
    if text not in kinds:
        message = f"{text!r} is no settlement."
        report.refuse(Code.NOT_A_CHOICE, node.line, path, message, f"Use {' or '.join(kinds)}.")
    return text, how


def _settlement(kind: str, reader: FieldReader, scope: Scope) -> Settlement:
    made: Settlement
    if kind == TRUE_UP_PAYOUT:
        made = TrueUpPayout()
    elif kind == BUDGET_BILLING:
        months = reader.whole("months", 2, 36, default=12)
        settle_up = None
        if reader.take("settle_up") is not None:
            settle_up = reader.whole("settle_up", 1, 12)
        made = BudgetBilling(months, settle_up, fact_flag(reader, "only", scope))
    else:
        expires = None
        if reader.take("expires_months") is not None:
            expires = reader.whole("expires_months", 1, 600)
        made = Prepaid(expires, fact_flag(reader, "only", scope))
    reader.done()
    return made
