"""Rate one account's cycle: everything it takes is in the work, nothing is asked of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import chain, groupby

from central.domain.billing.bill import Bill, RunType, Supply
from central.domain.billing.cycle import Cycle
from central.domain.billing.make_bill import make_bill
from central.domain.metering.block import DayBlock, present_sum
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.columnar.rate_batch import Meter, Terms, rate_many
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.input_series import billing_scale
from central.domain.rating.inputs.price_days import PriceDay, join_days
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from central.service.ports.billing import AccountWork, Blocks, NewBill, SupplyWork
from central.service.ports.registry import TariffRecord
from central.service.rating.resolve_calendar import resolve_calendar
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.quantity import Unit

IMPORT = "import"


class Tariffs:
    """The tariffs of a run, read once, and the series that they name.

    Args:
        records: Versions by name.
        days: What will be rated.
    """

    def __init__(self, records: Mapping[str, Sequence[TariffRecord]], days: DayRange) -> None:
        self._series: dict[str, PriceSeries] = {}
        self._versions = {name: tuple(map(_version, found)) for name, found in records.items()}
        documents = [one.document for found in self._versions.values() for one in found]
        self.calendar: ResolvedCalendar = resolve_calendar(
            documents, days.first.year - 1, days.end.year + 1
        )

    def versions(self, name: str) -> tuple[TariffVersion, ...]:
        """The versions of a tariff."""
        return self._versions.get(name, ())

    @property
    def series_names(self) -> frozenset[str]:
        """The series that any of the tariffs names."""
        return frozenset(chain.from_iterable(map(self._named, self._versions)))

    @property
    def looks_back(self) -> Mapping[str, int]:
        """How many days before a bill a tariff looks at, by name; only those that do."""
        back = {
            name: max(one.document.looks_back_days for one in versions)
            for name, versions in self._versions.items()
            if versions
        }
        return {name: days for name, days in back.items() if days}

    def set_series(self, days: Iterable[PriceDay]) -> None:
        """Take the days of series that a store keeps, by name and day."""
        for name, found in groupby(days, key=lambda one: one.name):
            self._series[name] = join_days(list(found))

    def prices(self, name: str, days: DayRange, zone: str) -> tuple[PriceSeries, ...]:
        """What is known of the series of a tariff in local days, and those it looks back at."""
        back = timedelta(days=self.looks_back.get(name, 0))
        interval = DayRange(days.first - back, days.end).interval(zone)
        known = (self._series.get(named) for named in sorted(self._named(name)))
        return tuple(one.within(interval) for one in known if one is not None)

    def _named(self, name: str) -> frozenset[str]:
        versions = self.versions(name)
        return frozenset(chain.from_iterable(one.document.given_series for one in versions))


@lru_cache(maxsize=4096)
def _version(record: TariffRecord) -> TariffVersion:
    return TariffVersion.of(load_tariff(record.document, file=record.name))


def rate_account(work: AccountWork, cycle: Cycle, run_type: RunType, tariffs: Tariffs) -> NewBill:
    """Make an account's bill; held where something is missing.

    Args:
        work: The account with its agreements and blocks.
        cycle: The month.
        run_type: Why.
        tariffs: With holidays resolved.
    """
    return _billed(work, cycle, run_type, _rated(work.supplies, cycle, tariffs))


def _billed(
    work: AccountWork, cycle: Cycle, run_type: RunType, rated_supplies: Sequence[Rated]
) -> NewBill:
    supplies = list(zip(work.supplies, rated_supplies, strict=True))
    findings = tuple(hold for one in work.supplies for hold in one.holds)
    bill = _bill(work, cycle, run_type, supplies, findings)
    closing = tuple((one.agreement_id, one.days, rated.closing) for one, rated in supplies)
    if not bill.lines:
        return NewBill(work.account_id, bill, closing, None, None)
    billed = sum((charged_energy(rated.lines, IMPORT) for _, rated in supplies), Fraction(0))
    validated = sum((_validated_kwh(one) for one in work.supplies), Fraction(0))
    return NewBill(work.account_id, bill, closing, printed(billed), printed(validated))


def _rated(supplies: Sequence[SupplyWork], cycle: Cycle, tariffs: Tariffs) -> list[Rated]:
    """Each supply rated, those of one tariff and the same days together."""
    groups: dict[tuple[str, DayRange, str], list[int]] = {}
    for number, one in enumerate(supplies):
        groups.setdefault((one.tariff, one.days, one.zone), []).append(number)
    found: dict[int, Rated] = {}
    for (tariff, days, zone), numbers in groups.items():
        prices = tariffs.prices(tariff, days, zone)
        terms = Terms(tariffs.versions(tariff), tariffs.calendar, days, cycle.days, prices)
        meters = [
            Meter(_every_block(one), one.facts, one.opening)
            for one in (supplies[number] for number in numbers)
        ]
        found.update(zip(numbers, rate_many(meters, terms), strict=True))
    return [found[number] for number in range(len(supplies))]


def _every_block(one: SupplyWork) -> Blocks:
    if not one.earlier:
        return one.blocks
    names = one.blocks.keys() | one.earlier.keys()
    return {name: [*one.earlier.get(name, ()), *one.blocks.get(name, ())] for name in names}


def looking_back(
    works: Sequence[AccountWork], earlier: Mapping[int, Blocks]
) -> tuple[AccountWork, ...]:
    """Works with the blocks of earlier days, which some tariffs look at.

    Args:
        works: As the store gives them.
        earlier: By agreement.
    """
    return tuple(
        replace(
            work,
            supplies=tuple(
                replace(one, earlier=earlier.get(one.agreement_id, {})) for one in work.supplies
            ),
        )
        for work in works
    )


def _bill(
    work: AccountWork,
    cycle: Cycle,
    run_type: RunType,
    supplies: Sequence[tuple[SupplyWork, Rated]],
    findings: Sequence[Hold],
) -> Bill:
    parts = [
        Supply(one.point, one.tariff, one.days, one.zone, rated, one.reads)
        for one, rated in supplies
    ]
    try:
        return make_bill(work.account, cycle, parts, run_type=run_type, findings=findings)
    except InvalidValueError as error:
        # Two currencies cannot be one bill: keep what the first says, and hold it.
        hold = Hold("MIXED_CURRENCIES", error.message, str(error.value))
        return make_bill(work.account, cycle, parts[:1], run_type=run_type, findings=[hold])


def _validated_kwh(one: SupplyWork) -> Fraction:
    by_shape: dict[tuple[int, Unit, int], list[DayBlock]] = {}
    for block in one.blocks.get(IMPORT, ()):
        by_shape.setdefault((block.exponent, block.unit, block.period_s), []).append(block)
    return sum(
        (present_sum(blocks) * billing_scale(blocks[0]) for blocks in by_shape.values()),
        Fraction(0),
    )


def rate_accounts(
    works: Iterable[AccountWork],
    cycle: Cycle,
    run_type: RunType,
    tariffs: Tariffs,
    progress: Callable[[int], None] = lambda _: None,
) -> list[NewBill]:
    """Bills of many accounts.

    Args:
        works: The accounts.
        cycle: The month.
        run_type: Why.
        tariffs: With holidays resolved.
        progress: Told 1 after each bill.
    """
    listed = list(works)
    rated = iter(_rated([one for work in listed for one in work.supplies], cycle, tariffs))
    bills = []
    for work in listed:
        bills.append(_billed(work, cycle, run_type, [next(rated) for _ in work.supplies]))
        progress(1)
    return bills
