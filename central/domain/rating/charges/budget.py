"""Budget billing: every bill is paid at the average of a year, and once a year it is settled."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.years import month_ends
from central.domain.rating.inputs.carried_state import MonthTotal, Origin
from central.domain.rating.rounding import half_away
from central.domain.tariff.credit_rules import BUDGET_BILLING, BudgetBilling


def price_budget(rule: BudgetBilling, span: VersionSpan, due: Decimal) -> Iterator[Draft]:
    """Level a bill.

        budget   = average of this month and the (months - 1) before it, as far as known, less
                   what bills of the same month were levelled to already
        line     = budget - what is due so far; what is deferred grows by as much the other way
        settling = all that is deferred, on the bill of `settle_up`, which is paid as it is

    Whoever leaves the plan settles on the next bill, and a final bill settles. It changes what is
    due, not the price: the sums that it averages are those of the lines before it.

    Args:
        rule: What the tariff says.
        span: The bill's last.
        due: Lines so far, taxes and earlier settlement included. [currency]

    Source: docs/reference/charges.md, "Budget billing"
    """
    context = span.context
    month = context.month
    earliest = month.year * 12 + month.month - rule.months
    known = [
        total
        for total in context.opening.totals
        if earliest < total.month.year * 12 + total.month.month < earliest + rule.months
    ]
    # What other parts of this month came to: of the same account, or before a change of tariff.
    beside = [total for total in context.opening.totals if total.month == month]
    context.totals = (
        *known,
        *beside,
        MonthTotal(month, due, Origin(span.bill.first, span.bill.end, rule.owner)),
    )
    code = span.document.currency.code
    settles = rule.settle_up is not None and month_ends(rule.settle_up, span)
    if settles or span.ends(BUDGET_BILLING) or not span.applies(None, rule.only):
        yield from price_deferred(span)
        return
    months = len({total.month for total in known}) + 1
    before = sum((total.amount for total in (*known, *beside)), Decimal(0))
    digits = span.document.currency.digits
    levelled = half_away(Fraction(before) / months, digits) if beside else Decimal(0)
    amount = half_away(Fraction(before + due) / months, digits) - levelled - due
    left = context.opening.sum_of(BUDGET_BILLING) - amount
    context.sums[BUDGET_BILLING] = left
    note = f"average of {months} months; {left} {code} deferred"
    yield Draft(span.days, span.segments[0].number, None, "", None, Fraction(amount), note=note)


def price_deferred(span: VersionSpan) -> Iterator[Draft]:
    """Settle all that is deferred; also under a tariff that levels no bills.

    Source: docs/reference/charges.md, "Budget billing"
    """
    deferred = span.context.opening.sum_of(BUDGET_BILLING)
    if deferred:
        span.context.sums[BUDGET_BILLING] = Decimal(0)
        note = f"settles {deferred} {span.document.currency.code} that were deferred"
        exact = Fraction(deferred)
        yield Draft(span.days, span.segments[0].number, None, "", None, exact, note=note)
