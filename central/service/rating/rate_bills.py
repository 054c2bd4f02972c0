"""Bills one after another: what one leaves opens the next. No store, one pure function."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np

from central.domain.billing.bill_amounts import BillAmounts
from central.domain.metering.block import DayBlock, exact_sum
from central.domain.metering.quality import NULL
from central.domain.rating.bill_lines.line import Rated, RatedLine
from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.input_series import billing_scale
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rate import RatingOptions, rate
from central.domain.tariff.version import TariffVersion
from central.service.rating.resolve_calendar import resolve_calendar
from firmware_bridge.contract.errors import OperatorError

_IMPORT = "import"


class RatingHeldError(OperatorError):
    """A bill cannot be priced."""

    code = "RATING_HELD"
    default_remedy = "Mend what holds the bill, then rate it again."

    def __init__(self, name: str, holds: Sequence[Hold]) -> None:
        self.holds = tuple(holds)
        reasons = " ".join(hold.message for hold in holds)
        super().__init__(f"{name} cannot be priced: {reasons}", value=name)


@dataclass(frozen=True, slots=True, eq=False)
class RatingInputs:
    """What bills are rated from, apart from what meters counted.

    Args:
        versions: Of the tariff.
        facts: Of the agreement, effective-dated.
        prices: Price and factor series that the tariff names.
        grants: Money paid into banks or the prepaid balance.
        events: Stream to events.
        document_days: When bills are issued and due; None for the day after each.
    """

    versions: tuple[TariffVersion, ...]
    facts: AgreementFacts = field(default_factory=AgreementFacts)
    prices: Sequence[PriceSeries] = ()
    grants: Sequence[Grant] = ()
    events: Events = field(default_factory=dict)
    document_days: DocumentDays | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BillToRate:
    """The days of one bill, and what was metered.

    Args:
        name: As 2018-01.
        days: That are billed: the period, less what lies before a move-in or after a move-out.
        period: Of the bill.
        blocks: By input; other days than the bill's are ignored.
    """

    name: str
    days: DayRange
    period: BillingPeriod
    blocks: Mapping[str, Sequence[DayBlock]]


@dataclass(frozen=True, slots=True, eq=False)
class PricedBill:
    """One priced bill.

    Args:
        billed: Its days.
        rated: Lines and determinants.
    """

    billed: BillToRate
    rated: Rated

    @property
    def kwh(self) -> Fraction:
        """Energy taken; zero where none is metered. [kWh]."""
        return sum(map(_energy, self._taken), Fraction(0))

    @property
    def peak_kw(self) -> Fraction:
        """Largest average power of a step; zero where no energy is metered. [kW]."""
        return max(map(_peak, self._taken), default=Fraction(0))

    @property
    def amounts(self) -> BillAmounts:
        """Net, taxes, total and settlements."""
        lines = ((line.kind, line.amount) for line in self.rated.lines)
        return BillAmounts.of(lines, None, apart=True)

    def lines_of(self, names: Collection[str]) -> tuple[RatedLine, ...]:
        """The lines of some ids and keys; all where none is named."""
        wanted = frozenset(names)
        return tuple(
            line for line in self.rated.lines if not wanted or {line.id, line.key} & wanted
        )

    def taxes_on(self, line: RatedLine) -> tuple[str, ...]:
        """The taxes that a line bears, by their ids, each once."""
        taxes = (tax for tax in self.rated.lines if tax.kind == "tax" and line.key in tax.of)
        return tuple(dict.fromkeys(tax.id for tax in taxes))

    @property
    def _taken(self) -> list[DayBlock]:
        days = self.billed.days
        blocks = self.billed.blocks.get(_IMPORT, ())
        return [block for block in blocks if days.first <= block.day < days.end]


def rate_bills(
    inputs: RatingInputs,
    bills: Iterable[BillToRate],
    *,
    opening: CarriedState | None = None,
    ending: PartEnding = GOES_ON,
    options: RatingOptions | None = None,
) -> Iterator[PricedBill]:
    """Price bills in order of time; what one leaves opens the next.

    Args:
        inputs: What they are rated from.
        bills: Ascending.
        opening: Before the first.
        ending: What ends with the last.
        options: Rounding and lineage.

    Raises:
        RatingHeldError: A bill cannot be priced.
    """
    documents = [version.document for version in inputs.versions]
    back = timedelta(days=max(document.looks_back_days for document in documents))
    state = opening or CarriedState()
    given = list(bills)
    for number, billed in enumerate(given, start=1):
        days = billed.days
        years = (days.first - back).year, days.end.year
        rated = rate(
            billed.blocks,
            inputs.facts,
            inputs.versions,
            resolve_calendar(documents, *years),
            days,
            period=billed.period,
            ending=ending if number == len(given) else GOES_ON,
            opening=state,
            prices=inputs.prices,
            grants=inputs.grants,
            events=inputs.events,
            document_days=inputs.document_days,
            options=options or RatingOptions(),
        )
        if rated.holds:
            raise RatingHeldError(billed.name, rated.holds)
        state = rated.closing
        yield PricedBill(billed, rated)


def total_of(bills: Iterable[PricedBill]) -> Decimal:
    """What some bills come to together. [currency]."""
    return sum((bill.rated.total for bill in bills), Decimal(0))


def _energy(block: DayBlock) -> Fraction:
    return exact_sum(block.values[block.values != NULL]) * billing_scale(block)


def _peak(block: DayBlock) -> Fraction:
    known = block.values[block.values != NULL]
    highest = int(np.max(known)) if len(known) else 0
    return highest * billing_scale(block) * Fraction(3600, block.period_s)
