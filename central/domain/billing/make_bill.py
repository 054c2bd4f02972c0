"""Make a bill from what was rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from central.domain.billing.bill import Account, Bill, BillLine, RunType, Supply, SupplySummary
from central.domain.billing.bill_texts import printed_texts
from central.domain.billing.negative_total import NegativeTotal, negative_hold
from central.domain.billing.planned import ReplacedBill
from central.domain.billing.printable import unprintable_holds
from central.domain.billing.state import BillState
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.hold import Hold, by_cause
from central.domain.rating.inputs.billing_period import BillingPeriod
from firmware_bridge.contract.errors import InvalidValueError


def make_bill(  # noqa: PLR0913 - what makes a bill unique, and what is on it
    account: Account,
    period: BillingPeriod,
    supplies: Sequence[Supply],
    *,
    run_type: RunType = RunType.REGULAR,
    findings: Sequence[Hold] = (),
    replaces: ReplacedBill | None = None,
    adjustments: Sequence[tuple[str, RatedLine]] = (),
    negative_total: NegativeTotal = NegativeTotal.CARRY,
) -> Bill:
    """Make one account's bill from what was rated.

    Args:
        account: Who is billed.
        period: Of its cycle.
        supplies: At least one; lines are printed in their order.
        run_type: Why.
        findings: Critical findings of validation; each cause holds the bill once.
        replaces: The cancelled bill that it replaces.
        adjustments: Lines that adjust issued bills, each with its service point; they come last.
        negative_total: What becomes of a bill that these take below zero.

    Returns:
        A draft; held where rating or validation found something, or where a text that goes on it
        cannot be printed.

    Raises:
        InvalidValueError: There is no supply, or they differ in currency.
    """
    currencies = {supply.rated.currency for supply in supplies}
    if len(currencies) != 1:
        message = (
            f"The bill of {account.number} has {len(currencies)} currencies; only one is allowed."
        )
        raise InvalidValueError(message, value=sorted(currencies))
    rated_holds = (hold for supply in supplies for hold in supply.rated.holds)
    holds = by_cause((*findings, *rated_holds))
    charged = [(supply.service_point, line) for supply in supplies for line in supply.rated.lines]
    if charged:
        charged += adjustments
    lines = tuple(
        BillLine(position, point, line) for position, (point, line) in enumerate(charged, start=1)
    )
    summaries = tuple(
        SupplySummary(
            supply.service_point,
            supply.tariff,
            supply.days,
            supply.zone,
            supply.reads,
            supply.rated.input_sha256,
            supply.rated.tzdata,
            supply.day_start,
            supply.settles,
            supply.banks,
            supply.taken_over,
        )
        for supply in supplies
    )
    bill = Bill(
        account=account.number,
        period=period,
        run_type=run_type,
        revision=0 if replaces is None else replaces.revision + 1,
        seller=account.seller,
        buyer=account.buyer,
        supplies=summaries,
        currency=currencies.pop(),
        lines=lines,
        holds=holds,
        state=BillState.HELD if holds else BillState.DRAFT,
        replaces="" if replaces is None else replaces.sha256,
        replaced="" if replaces is None else replaces.number,
        previous_balance=account.previous_balance,
        written_lines=tuple(chain.from_iterable(one.rated.written_lines for one in supplies)),
    )
    lacking = unprintable_holds(printed_texts(bill))
    if negative_total is NegativeTotal.HOLD and (negative := negative_hold(bill)) is not None:
        lacking = (*lacking, negative)
    return replace(bill, holds=(*holds, *lacking), state=BillState.HELD) if lacking else bill
