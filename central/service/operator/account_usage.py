"""What an account uses by hour, day and month, what it costs, and what it was a year before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from central.domain.alerts.alert_rule import AlertSubject, forecast_month
from central.domain.billing.state import BillState
from central.domain.consumption.step_totals import LoadTotal
from central.domain.currency import digits_of
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed
from central.service.consumption.figures import ConsumptionBy, ConsumptionFigures
from central.service.consumption.loads import zone_of
from central.service.operator.month import month_after
from central.service.operator.services import OperatorServices
from central.service.ports.consumption import ChannelSpan, LoadOf
from central.service.so_far.figures import AccountSoFar, SoFarBy
from central.service.views.bill_filter import BillFilter
from central.service.views.billing import AccountView, BillView
from firmware_bridge.contract.interval import local_day, zone_info
from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    APPARENT_IMPORT,
    GAS_VOLUME,
    NAMES,
    REACTIVE_EXPORT,
    REACTIVE_IMPORT,
    WATER_VOLUME,
    Obis,
)

MONTHS = 12
COUNTED = (
    *(ACTIVE_IMPORT, GAS_VOLUME, WATER_VOLUME, ACTIVE_EXPORT),
    *(REACTIVE_IMPORT, REACTIVE_EXPORT, APPARENT_IMPORT),
)
"""What may be looked at; the first that an account has is shown first."""
_BILLS_MOST = 50
_DAY = timedelta(days=1)
_SAME_WEEKDAY = 52 * 7 * _DAY


@dataclass(frozen=True, slots=True)
class UsageStep:
    """An hour, a day or a month of use.

    Args:
        start: Where it begins: an instant in UTC for an hour, else its first local day.
        total: What was used. [unit]
        cost: Of its days that no issued bill says; None where it has none. [currency]
        bills: Issued bills that say one of its days.
    """

    start: date
    total: LoadTotal
    cost: Decimal | None = None
    bills: tuple[BillView, ...] = ()

    @property
    def used(self) -> Decimal:
        """What was used, as it is printed. [unit]."""
        return printed(self.total.total)


@dataclass(frozen=True, slots=True)
class YearBefore:
    """The same days of a year before, as far as both were counted.

    Args:
        days: How many days both have.
        now: What they come to now. [unit]
        before: What they came to. [unit]
    """

    days: int
    now: Decimal
    before: Decimal


@dataclass(frozen=True, slots=True)
class RunningCost:
    """What no issued bill says yet.

    Args:
        currency: ISO 4217.
        amount: So far. [currency]
        first: The first day that it is of.
        forecast: Of the present month if it goes on like its days that are over; None where too
            few are over, or some of them are billed. [currency]
        holds: Codes of what would hold the bill now.
    """

    currency: str
    amount: Decimal
    first: date
    forecast: Decimal | None
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """What a customer looks at.

    Args:
        account: Whose.
        by: What a step is of.
        days: Which days are shown.
        today: Local.
        zone: IANA name.
        unit: Of what is used; "" where nothing was counted.
        currency: Of the costs; "" where there are none.
        steps: Ascending.
        left_out: Channels whose intervals are longer than a step.
        before: The year before; None where no day can be compared.
        running: What is not billed; None where nothing is.
        obis: What is counted.
        offered: What may be looked at in its place, and itself.
    """

    account: AccountView
    by: SoFarBy
    days: DayRange
    today: date
    zone: str
    unit: str
    currency: str
    steps: tuple[UsageStep, ...]
    left_out: int
    before: YearBefore | None
    running: RunningCost | None
    obis: Obis
    offered: tuple[Obis, ...]

    @property
    def total(self) -> Decimal:
        """Of all steps. [unit]."""
        return printed(sum((step.total.total for step in self.steps), Fraction(0)))

    @property
    def digits(self) -> int:
        """How many decimals the step with the most has, so that all are printed with as many."""
        exponents = (step.used.normalize().as_tuple().exponent for step in self.steps)
        return max((-each for each in exponents if isinstance(each, int) and each < 0), default=0)

    @property
    def cost(self) -> Decimal | None:
        """Of all days shown that no issued bill says. [currency]."""
        costs = [step.cost for step in self.steps if step.cost is not None]
        return sum(costs, Decimal(0)) if costs else None

    def rows(self) -> list[dict[str, object]]:
        """As rows of a table; numbers as strings, exact; hours with their offset from UTC."""
        zone = zone_info(self.zone)
        return [
            {
                "from": step.start.astimezone(zone).isoformat()
                if isinstance(step.start, datetime)
                else step.start.isoformat()[: 7 if self.by is SoFarBy.MONTH else 10],
                "quantity": NAMES[self.obis],
                "usage": str(step.used),
                "unit": self.unit,
                "estimated_intervals": step.total.estimated,
                "missing_intervals": step.total.missing,
                "cost_not_billed": None if step.cost is None else str(step.cost),
                "currency": None if step.cost is None else self.currency,
                "bills": " ".join(bill.number or "" for bill in step.bills) or None,
            }
            for step in self.steps
        ]


def days_shown(by: SoFarBy, at: date) -> DayRange:
    """The days that are shown around one: itself, its month, or twelve months until its month."""
    if by is SoFarBy.HOUR:
        return DayRange(at, at + _DAY)
    end = month_after(at)
    first = date(end.year - 1, end.month, 1) if by is SoFarBy.MONTH else at.replace(day=1)
    return DayRange(first, end)


async def view_account_usage(
    services: OperatorServices,
    account: AccountView,
    by: SoFarBy,
    at: date | None,
    obis: Obis | None = None,
) -> AccountUsage:
    """The use of an account.

    Args:
        services: What is read.
        account: Whose.
        by: What a step is of.
        at: A local day of what is shown; None is the present one.
        obis: What is counted; None is the first that the account has. Costs are shown beside that
            alone.

    Raises:
        MixedUnitsError: Its channels count in several units.
        StoreUnavailableError: Ask again.
    """
    figures, number = services.consumption, account.number
    (so_far,) = await services.so_far(AlertSubject.ACCOUNT, number)
    shown = days_shown(by, at or so_far.today)
    every = await figures.loads.spans(LoadOf.ACCOUNT, number, shown, COUNTED)
    has = {span.obis for span in every}
    offered = tuple(each for each in COUNTED if each in has or each == obis) or COUNTED[:1]
    counted = obis or offered[0]
    spans = [span for span in every if span.obis == counted]
    zone = zone_of(every)
    is_first = counted == offered[0]
    today = services.clock().astimezone(zone_info(zone)).date()
    bills = await services.billing.bills(
        account=account.account,
        state=BillState.ISSUED,
        wanted=BillFilter(issued_from=shown.first),
        limit=_BILLS_MOST,
    )
    (of_days,) = await figures.side_by_side([spans], shown, ConsumptionBy.DAY)
    days = {date.fromisoformat(name): total for name, total in of_days.totals.items()}
    if by is SoFarBy.HOUR:
        unit, left_out, steps = await _hours(figures, spans, shown, zone)
    else:
        unit, left_out = of_days.unit, 0
        steps = _steps(days, so_far.cost if is_first else {}, bills.rows if is_first else (), by)
    return AccountUsage(
        account,
        by,
        shown,
        today,
        zone,
        unit,
        so_far.currency,
        steps,
        left_out,
        await _year_before(
            figures, number, {day: days[day] for day in days if day < today}, by, counted
        ),
        _running(so_far, today),
        counted,
        offered,
    )


async def _hours(
    figures: ConsumptionFigures, spans: Sequence[ChannelSpan], shown: DayRange, zone: str
) -> tuple[str, int, tuple[UsageStep, ...]]:
    (hours,) = await figures.side_by_side([spans], shown, ConsumptionBy.HOUR)
    whole = local_day(shown.first, zone)
    starts = ((datetime.fromisoformat(name), total) for name, total in hours.totals.items())
    steps = (UsageStep(at.astimezone(UTC), total) for at, total in starts if at in whole)
    return hours.unit, hours.left_out, tuple(steps)


def _steps(
    days: Mapping[date, LoadTotal],
    cost: Mapping[date, Decimal],
    bills: Iterable[BillView],
    by: SoFarBy,
) -> tuple[UsageStep, ...]:
    """Days as they are, or months of them."""
    totals: dict[date, LoadTotal] = {}
    for day, total in days.items():
        first = day.replace(day=1) if by is SoFarBy.MONTH else day
        totals.setdefault(first, LoadTotal()).add_time(total)
    issued = tuple(bills)
    steps = []
    for first, total in totals.items():
        end = month_after(first) if by is SoFarBy.MONTH else first + _DAY
        costs = [amount for day, amount in cost.items() if first <= day < end]
        of_step = tuple(bill for bill in issued if bill.start < end and bill.end > first)
        steps.append(UsageStep(first, total, sum(costs, Decimal(0)) if costs else None, of_step))
    return tuple(steps)


async def _year_before(
    figures: ConsumptionFigures,
    number: str,
    days: Mapping[date, LoadTotal],
    by: SoFarBy,
    obis: Obis,
) -> YearBefore | None:
    """Days that are over beside those of a year before; a single day beside its weekday."""
    pairs = {day: _a_year_before(day, by) for day in days}
    wanted = sorted(day for day in pairs.values() if day is not None)
    if not wanted:
        return None
    around = DayRange(wanted[0], wanted[-1] + _DAY)
    shown = await figures(LoadOf.ACCOUNT, number, around, obis=obis)
    past = {date.fromisoformat(name): total.total for name, total in shown.totals.items()}
    both = [(days[day].total, past[then]) for day, then in pairs.items() if then in past]
    if not both:
        return None
    now, before = (printed(sum(values, Fraction(0))) for values in zip(*both, strict=True))
    return YearBefore(len(both), now, before)


def _a_year_before(day: date, by: SoFarBy) -> date | None:
    """None of the 29th of February."""
    if by is SoFarBy.HOUR:
        return day - _SAME_WEEKDAY
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return None


def _running(so_far: AccountSoFar, today: date) -> RunningCost | None:
    if not so_far.cost:
        return None
    first = min(so_far.cost)
    forecast = forecast_month(so_far.cost, today) if first <= today.replace(day=1) else None
    return RunningCost(
        so_far.currency,
        sum(so_far.cost.values(), Decimal(0)),
        first,
        None if forecast is None else to_cents(forecast, so_far.currency),
        so_far.holds,
    )


def to_cents(amount: Decimal, currency: str) -> Decimal:
    """An amount as the currency has it: yen have no decimals, dinars of Kuwait three."""
    digits = digits_of(currency)
    return amount.quantize(Decimal(1).scaleb(-(2 if digits is None else digits)))
