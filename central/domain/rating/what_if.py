"""What-if: the same intervals under other tariffs, through the same pure function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.determinants.align import Blocks
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.document import Charge, TariffDocument
from central.domain.tariff.price_rules import PriceTable, Step
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.errors import OperatorError

Candidates = Mapping[str, Sequence[TariffVersion]]


class NoSuchChargeError(OperatorError):
    """A tariff has no charge or rider of that id."""

    code = "NO_SUCH_CHARGE"
    default_remedy = "Choose the id of one of the tariff's charges or riders."


@dataclass(frozen=True, slots=True)
class Comparison:
    """Bills of one candidate over several periods.

    Args:
        name: Of the candidate.
        bills: One per period, in order.
    """

    name: str
    bills: tuple[Rated, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the bills. [currency]."""
        return sum((bill.total for bill in self.bills), Decimal(0))

    @property
    def held(self) -> tuple[int, ...]:
        """Numbers of the periods that could not be priced."""
        return tuple(number for number, bill in enumerate(self.bills) if bill.holds)


def compare(  # noqa: PLR0913 - what a bill depends on
    blocks: Blocks,
    facts: AgreementFacts,
    candidates: Candidates,
    calendar: ResolvedCalendar,
    periods: Sequence[DayRange | BillingPeriod],
    *,
    opening: CarriedState | None = None,
    prices: Sequence[PriceSeries] = (),
    grants: Sequence[Grant] = (),
    events: Events | None = None,
) -> tuple[Comparison, ...]:
    """Rate the same periods under every candidate: a comparison, back-test or shadow bill.

    Each candidate carries its own state from period to period.

    Args:
        blocks: Of all periods.
        facts: Of the agreement.
        candidates: Name to versions; the current tariff may be one of them.
        calendar: Resolved for all candidates.
        periods: Ascending, as they would be billed; days alone are one month, whatever they are.
        opening: State before the first period.
        prices: Price and factor series that any candidate names.
        grants: Money paid into banks or the prepaid balance.
        events: Stream to events of all periods.
    """
    found = []
    for name, versions in candidates.items():
        # The same names mean the same here, whatever the tariff is called.
        state = replace(opening or CarriedState(), tariff="")
        bills = []
        for each in periods:
            period = each if isinstance(each, BillingPeriod) else None
            days = each.days if isinstance(each, BillingPeriod) else each
            bill = rate(
                blocks,
                facts,
                versions,
                calendar,
                days,
                period=period,
                opening=state,
                prices=prices,
                grants=grants,
                events=events or {},
            )
            state = bill.closing
            bills.append(bill)
        found.append(Comparison(name, tuple(bills)))
    return tuple(found)


def with_price_change(document: TariffDocument, charge_id: str, percent: Decimal) -> TariffDocument:
    """The same tariff with one charge or rider dearer by a percent, or cheaper below zero.

    Raises:
        NoSuchChargeError: There is no such charge.
    """
    factor = 1 + percent / 100
    known = {entry.id for entry in (*document.charges, *document.riders)}
    if charge_id not in known:
        message = f"{document.tariff} has no charge {charge_id!r}."
        raise NoSuchChargeError(message, value=charge_id)
    charges = tuple(_dearer(charge, charge_id, factor) for charge in document.charges)
    riders = tuple(
        _dearer(rider, charge_id, factor)
        if isinstance(rider, Charge)
        else replace(rider, percent=rider.percent * factor)
        if rider.id == charge_id
        else rider
        for rider in document.riders
    )
    return replace(document, charges=charges, riders=riders)


def _dearer(charge: Charge, charge_id: str, factor: Decimal) -> Charge:
    if charge.id != charge_id:
        return charge
    price = None if charge.price is None else _table(charge.price, factor)
    steps = tuple((season, _steps(own, factor)) for season, own in charge.steps)
    return replace(charge, price=price, steps=steps)


def _steps(steps: tuple[Step, ...], factor: Decimal) -> tuple[Step, ...]:
    return tuple(
        replace(
            step,
            price=None if step.price is None else _table(step.price, factor),
            steps=_steps(step.steps, factor),
        )
        for step in steps
    )


def _table(table: PriceTable, factor: Decimal) -> PriceTable:
    return PriceTable(tuple((place, price * factor) for place, price in table.rows))
