"""Rate accounts for a cycle, from loaded data alone: no store is read here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial
from itertools import chain, groupby
from operator import attrgetter

from central.domain.billing.adjustment import OpenAdjustment, adjustment_lines
from central.domain.billing.bill import Bill, Supply
from central.domain.billing.make_bill import make_bill
from central.domain.billing.part_use import part_use, sum_of
from central.domain.metering.channel_days import ChannelDays
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.determinants.align import inputs_of
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange, days_of
from central.domain.rating.rounding import printed
from central.service.billing.bank_balances import bank_balances
from central.service.billing.cutover_print import taken_over
from central.service.billing.rate_parts import RatedSupply, rate_parts
from central.service.billing.take_entries import movements_of, with_entries
from central.service.billing.tariffs import Tariffs
from central.service.billing.unrated import unrated
from central.service.ports.bill_shard import (
    AccountWork,
    Blocks,
    CountedEvents,
    EarlierDays,
    NewBill,
    NewPart,
    SupplyWork,
)
from central.service.ports.stamps import DaysRead
from firmware_bridge.contract.errors import InvalidValueError

IMPORT = "import"
_CHANNEL = attrgetter("channel_id")


def _billed(work: AccountWork, supplies: Sequence[RatedSupply], tariffs: Tariffs) -> NewBill:
    """What is to be saved of an account: its bill, its parts and what they were rated with."""
    findings = tuple(chain.from_iterable(_holding(supply, tariffs) for supply in work.supplies))
    currency = next((each.rated.currency for each in supplies), "")
    carried = [each for each in work.adjustments if each.currency == currency]
    bill = _bill(work, supplies, findings, tariffs, carried)
    parts = tuple(
        NewPart(
            supply.occupancy_id,
            supply.agreement_id,
            supply.days,
            came,
            rated.closing,
            tuple(entry.id for entry in supply.entries) if rated.lines else (),
            movements_of(supply, rated, tariffs) if rated.lines else (),
            shared,
            supply.settles,
            len(rated.lines),
            None if supply.settles else part_use(supply.days, supply.blocks),
        )
        for supply, rated, came, shared in supplies
    )
    read = work.plan.tariffs
    agreed = {planned.term.agreement_id: planned.term.tariff for planned in work.plan.parts}
    stamps = {
        supply.agreement_id: tariffs.stamped(
            supply.stamp,
            supply.tariff,
            read - {agreed.get(supply.agreement_id, supply.tariff)},
            _days_read(supply.blocks),
            work.document_days,
            limited=bool(work.limits),
        )
        for supply in work.supplies
    }
    if not bill.lines:
        return NewBill(work.plan, bill, parts, None, None, stamps)
    billed = sum((charged_energy(each.rated.lines, IMPORT) for each in supplies), Fraction(0))
    validated = sum(map(_validated_kwh, parts, work.supplies), Fraction(0))
    carries = any(entry.line.adjusts for entry in bill.lines)
    adjustments = tuple(each.id for each in carried) if carries else ()
    kwh, validated_kwh = printed(billed), printed(validated)
    return NewBill(work.plan, bill, parts, kwh, validated_kwh, stamps, adjustments)


def _holding(supply: SupplyWork, tariffs: Tariffs) -> Iterator[Hold]:
    """What holds a part: all but what is said of a channel that its tariff does not read."""
    if not supply.holds:
        return
    versions = tariffs.versions(supply.tariff)
    read = set(chain.from_iterable(map(inputs_of, versions)))
    of_others = {name: blocks for name, blocks in supply.blocks.items() if name not in read}
    unread = _days_read(of_others).keys()
    for hold in supply.holds:
        if hold.of is None or hold.of.channel not in unread:
            yield hold


def looking_back(
    works: Sequence[AccountWork], earlier: Mapping[tuple[int, date], EarlierDays]
) -> tuple[AccountWork, ...]:
    """Works with earlier days, which some tariffs look at.

    Args:
        works: As the store gives them.
        earlier: By occupancy and first day.
    """
    return tuple(
        replace(
            work,
            supplies=tuple(
                _looking_back(supply, earlier.get((supply.occupancy_id, supply.days.first)))
                for supply in work.supplies
            ),
        )
        for work in works
    )


def _looking_back(supply: SupplyWork, earlier: EarlierDays | None) -> SupplyWork:
    if earlier is None:
        return supply
    # A change may reach into both.
    holds = dict.fromkeys((*supply.holds, *earlier.holds))
    return replace(supply, earlier=earlier.blocks, holds=tuple(holds))


def with_events(
    works: Sequence[AccountWork], counted: Mapping[tuple[int, date], CountedEvents]
) -> tuple[AccountWork, ...]:
    """Works with the usage events that their tariffs count.

    Args:
        works: As the store gives them.
        counted: By occupancy and first day.
    """
    nothing = CountedEvents({})
    return tuple(
        replace(
            work,
            supplies=tuple(
                replace(supply, events=events.streams, holds=(*supply.holds, *events.holds))
                for supply in work.supplies
                for events in [counted.get((supply.occupancy_id, supply.days.first), nothing)]
            ),
        )
        for work in works
    )


def _bill(
    work: AccountWork,
    supplies: Sequence[RatedSupply],
    findings: Sequence[Hold],
    tariffs: Tariffs,
    carried: Sequence[OpenAdjustment],
) -> Bill:
    plan = work.plan
    make = partial(
        make_bill,
        work.account,
        plan.period,
        run_type=plan.run_type,
        replaces=plan.replaces,
        negative_total=work.negative_total,
    )
    parts = [
        Supply(
            one.point,
            one.tariff,
            one.said_days,
            one.zone,
            rated,
            one.reads,
            one.day_start,
            one.settles,
            bank_balances(one, rated, tariffs),
            taken_over(one, rated),
        )
        for one, rated, _, _ in supplies
    ]
    try:
        lines = list(adjustment_lines(carried))
        return make(parts, findings=findings, adjustments=lines)
    except InvalidValueError as error:
        # Two currencies cannot be one bill: keep what the first says, and hold it.
        hold = Hold("MIXED_CURRENCIES", error.message, str(error.value))
        return make(parts[:1], findings=[hold])


def _days_read(blocks: Blocks) -> DaysRead:
    """The days of each channel that a part is rated with."""
    read: dict[int, tuple[DayRange, ...]] = {}
    for of_input in blocks.values():
        if isinstance(of_input, ChannelDays):
            read[of_input.channel_id] = days_of(of_input.days)
        else:
            for channel, of_channel in groupby(of_input, _CHANNEL):
                read[channel] = days_of([block.day for block in of_channel])
    return read


def _validated_kwh(brought: NewPart, supply: SupplyWork) -> Fraction:
    blocks = supply.blocks.get(IMPORT, ())
    use = brought.use
    if use is not None and use.unit == "kWh" and use.used is not None:
        return Fraction(use.used)
    return sum_of(blocks) if blocks else Fraction(0)


def rate_accounts(
    works: Iterable[AccountWork],
    period: BillingPeriod,
    tariffs: Tariffs,
    progress: Callable[[int], None] = lambda _: None,
) -> list[NewBill]:
    """Bills of many accounts.

    Args:
        works: The accounts.
        period: That is billed.
        tariffs: With holidays resolved.
        progress: Told 1 after each bill.
    """
    listed = [(with_entries(work, tariffs), _barred(work, tariffs)) for work in works]
    tried = [work for work, hold in listed if hold is None]
    rated = iter(rate_parts(tried, period, tariffs))
    bills = []
    for work, hold in listed:
        if hold is None:
            bills.append(_billed(work, [next(rated) for _ in work.supplies], tariffs))
        else:
            bills.append(unrated(work, hold))
        progress(1)
    return bills


def _barred(work: AccountWork, tariffs: Tariffs) -> Hold | None:
    """Why an account is not even tried."""
    refused = (tariffs.refused.get(one.tariff) for one in work.supplies)
    return work.unread or next((hold for hold in refused if hold is not None), None)
