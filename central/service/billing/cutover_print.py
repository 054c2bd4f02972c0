"""What a first bill prints of the system that billed before: its reads and its balance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from central.domain.billing.bill import Account
from central.domain.billing.cutover_figure import CutoverFigure
from central.domain.billing.cutover_opening import CutoverOpening
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.rounding import printed
from central.domain.tariff.credit_rules import BUDGET_BILLING
from central.service.ports.bill_shard import SupplyWork
from firmware_bridge.contract.obis import Obis


def cutover_of(opening: Mapping[str, Any] | None) -> CutoverOpening | None:
    """The cut-over that an opening is, as it is kept; None of any other."""
    if opening is None or "cutover" not in opening:
        return None
    return CutoverOpening.from_json(dict(opening))


def cutover_read(
    opening: CutoverOpening | None, meter: str, obis: Obis, at: datetime, begins: datetime
) -> Decimal | None:
    """What the other system read of a register where its bills end; None anywhere else.

    Args:
        opening: Of the bill's part.
        meter: Manufacturer and serial.
        obis: The register.
        at: The instant of the bill's opening read.
        begins: The first instant that is billed here.
    """
    if opening is None or at != begins:
        return None
    reads = {(read.meter, read.obis): read.value for read in opening.reads}
    return reads.get((meter, obis))


def taken_over(supply: SupplyWork, rated: Rated) -> tuple[CutoverFigure, ...]:
    """Figures that another system left to a supply; its banks say their own.

    Args:
        supply: What is rated.
        rated: The result, whose determinants say the units of peaks.
    """
    left, currency = supply.taken_over, rated.currency
    if not left.names or not rated.lines:
        return ()
    units = {sums.name: sums.unit for sums in rated.determinants}
    return (
        *(
            CutoverFigure(
                "peak",
                peak.name,
                peak.label,
                peak.month,
                printed(peak.value),
                units.get(peak.name, ""),
            )
            for peak in left.peaks
        ),
        *(
            CutoverFigure(
                "deferred" if entry.id == BUDGET_BILLING else "sum",
                entry.id,
                "",
                None,
                entry.amount,
                currency,
            )
            for entry in left.sums
        ),
        *(
            CutoverFigure(
                "net", net.name, net.label, None, printed(net.value), units.get(net.name, "")
            )
            for net in left.levels
        ),
        *(
            CutoverFigure("total", BUDGET_BILLING, "", total.month, total.amount, currency)
            for total in left.totals
        ),
    )


def with_balance(account: Account, openings: Iterable[CutoverOpening | None]) -> Account:
    """An account with the balance that it was taken over with, on the bill that opens from it."""
    balances = [
        opening.balance
        for opening in openings
        if opening is not None and opening.balance is not None
    ]
    if not balances:
        return account
    return replace(account, previous_balance=sum(balances, Decimal(0)))
