"""Rate members of a pilot under both of its tariffs, month by month. No store is read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import structlog

from central.domain.metering.block import DayBlock
from central.domain.metering.tariff_input import input_of
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.inputs.billing_period import BillingPeriod, WholeMonths
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.pilot import PilotRow
from central.domain.rating.rounding import printed
from central.domain.rating.what_if import Comparison, compare
from central.service.billing.tariffs import Tariffs
from central.service.billing.unrated import rating_failed
from central.service.ingest.error_fields import error_fields
from central.service.ports.pilots import PilotMember

_log = structlog.get_logger(__name__)

_IMPORT = "import"
NOT_COMPARABLE = "CURRENCIES_DIFFER"
"""The code of a member whose two tariffs charge in two currencies."""


@dataclass(frozen=True, slots=True, eq=False)
class MemberComparison:
    """One agreement under two tariffs.

    Args:
        row: In one row.
        months: Its days by month.
        before: Bills of the months under the first; None where nothing could be rated.
        after: Bills of the months under the second; None where nothing could be rated.
    """

    row: PilotRow
    months: tuple[DayRange, ...]
    before: Comparison | None = None
    after: Comparison | None = None


def compare_member(
    member: PilotMember,
    names: tuple[str, str],
    tariffs: Tariffs,
    blocks: Mapping[int, Sequence[DayBlock]],
) -> MemberComparison:
    """One agreement under two tariffs; what cannot be rated says why.

    Args:
        member: Whose.
        names: Of the tariff that it is compared with, and of the one that is tried.
        tariffs: Both, and what they name.
        blocks: By channel.
    """
    months = tuple(months_of(member.days))
    row = PilotRow(member.side, member.account, member.point, member.service, names[0], member.days)
    refused = [tariffs.refused[name].code for name in names if name in tariffs.refused]
    if refused:
        return MemberComparison(_held(row, refused), months)
    try:
        before, after = (rate_under(member, name, tariffs, blocks) for name in names)
    except Exception as error:  # noqa: BLE001 - what one member does, others do not pay
        _log.error("member_not_rated", account=member.account, **error_fields(error))
        return MemberComparison(_held(row, [rating_failed(error).code]), months)
    holds = [hold.code for each in (before, after) for bill in each.bills for hold in bill.holds]
    currencies = {bill.currency for each in (before, after) for bill in each.bills}
    if holds or len(currencies) != 1:
        row = _held(row, holds or [NOT_COMPARABLE])
    else:
        row = replace(
            row,
            kwh=billed_kwh(before.bills),
            currency=currencies.pop(),
            before=before.total,
            after=after.total,
        )
    return MemberComparison(row, months, before, after)


def rate_under(
    member: PilotMember,
    name: str,
    tariffs: Tariffs,
    blocks: Mapping[int, Sequence[DayBlock]],
) -> Comparison:
    """The days of an agreement under a tariff, month by month.

    Args:
        member: Whose.
        name: Of the tariff.
        tariffs: Among others, that one, with what it names.
        blocks: By channel.
    """
    by_input: dict[str, list[DayBlock]] = {}
    for key, obis in member.channels.items():
        by_input.setdefault(input_of(obis), []).extend(blocks.get(key, ()))
    (one,) = compare(
        by_input,
        member.facts,
        {name: tariffs.versions(name)},
        tariffs.calendar,
        [_period(days) for days in months_of(member.days)],
        prices=tariffs.prices(name, member.days, member.zone, member.day_start),
    )
    return one


def months_of(days: DayRange) -> list[DayRange]:
    """Days by calendar month, ascending."""
    months, first = [], days.first
    while first < days.end:
        after = _month_after(first)
        months.append(DayRange(first, min(after, days.end)))
        first = after
    return months


def _period(days: DayRange) -> BillingPeriod:
    """A calendar month, or the days of one that somebody is billed for."""
    first = days.first.replace(day=1)
    whole = DayRange(first, _month_after(first))
    if whole == days:
        return BillingPeriod.month(whole)
    return BillingPeriod(f"{first:%Y-%m}", days, 1, days.end, (WholeMonths(whole, 1),))


def _month_after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def billed_kwh(bills: Sequence[Rated]) -> Decimal:
    """The energy that bills charge for. [kWh]."""
    energy = sum((charged_energy(bill.lines, _IMPORT) for bill in bills), Fraction(0))
    return printed(energy)


def _held(row: PilotRow, codes: Sequence[str]) -> PilotRow:
    return replace(row, held=tuple(dict.fromkeys(codes)))
