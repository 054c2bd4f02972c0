"""What the options of `meterline-central rate` say, as what a bill is rated from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, spelled
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.expiry import NEVER
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.tariff.kept_tables import by_name
from central.domain.tariff.load.document import load_table
from central.domain.tariff.lookup_rules import TableVersion
from central.service.rating.bill_case import state_of
from central.service.rating.events_jsonl import read_events_file
from central.service.rating.input_files import counted_reads, counted_steps
from central.service.rating.rate_bills import BillToRate
from central.service.rating.series_csv import read_series_file
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.plain_number import plain_decimal

Blocks = dict[str, list[DayBlock]]
_PERIOD = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})(?:/([1-9]\d?))?")
_READERS = {"input": counted_steps, "reads": counted_reads}


def read_text(path: Path | str) -> tuple[str, str]:
    """The text of a file, and its name for messages."""
    file = Path(path)
    return file.read_text(encoding="utf-8"), file.name


def named(options: Sequence[str] | None, what: str) -> list[tuple[str, str]]:
    """NAME=VALUE pairs.

    Raises:
        InvalidValueError: One is not of that form.
    """
    pairs = []
    for option in options or ():
        name, equals, value = option.partition("=")
        if not (name and equals and value):
            message = f"--{what} {option!r} is not of the form NAME=VALUE."
            raise InvalidValueError(message, value=option)
        pairs.append((name, value))
    return pairs


def facts_of(options: Sequence[str] | None) -> AgreementFacts:
    """Facts of NAME=VALUE, or of NAME=VALUE@DAY that hold from a day on.

    Raises:
        InvalidValueError: One is not of that form.
    """
    facts = []
    for name, text in named(options, "fact"):
        value, at, day = text.rpartition("@")
        effective = day_of(day, "fact") if at else date.min
        facts.append(Fact(name, spelled(value if at else text), effective))
    return AgreementFacts(tuple(facts))


def grants_of(options: Sequence[str] | None) -> tuple[Grant, ...]:
    """Money paid in, of BANK=AMOUNT@DAY, or BANK=AMOUNT@DAY/DAY where it expires on the second.

    Raises:
        InvalidValueError: One is not of that form.
    """
    grants = []
    for bank, text in named(options, "grant"):
        amount, _, days = text.partition("@")
        day, _, expires = days.partition("/")
        exact = plain_decimal(amount)
        if exact is None:
            message = f"--grant {bank}={text} is not of the form BANK=AMOUNT@DAY[/EXPIRES]."
            raise InvalidValueError(message, value=text)
        expiry = day_of(expires, "grant") if expires else NEVER
        grants.append(Grant(bank, day_of(day, "grant"), exact, expiry))
    return tuple(grants)


def series_of(options: Sequence[str] | None, zone: ZoneInfo) -> list[PriceSeries]:
    """Prices or factors of NAME=CSV."""
    series = []
    for name, path in named(options, "series"):
        text, file = read_text(path)
        series.append(read_series_file(text, name, file, zone))
    return series


def tables_of(paths: Sequence[Path] | None) -> dict[str, tuple[TableVersion, ...]]:
    """What files of lookup tables say, by the tables' names.

    Raises:
        TariffRefusedError: One is refused.
    """
    return by_name(map(load_table, paths or ()))


def events_of(path: Path | None) -> Events | None:
    """Events of a file, None where none is given."""
    return None if path is None else read_events_file(*read_text(path))


def metered(
    options: Sequence[tuple[str, Sequence[str] | None]], days: tuple[ZoneInfo, time]
) -> Blocks:
    """What meters counted, of NAME=CSV; a name that comes twice is that of two meters.

    Args:
        options: `input` or `reads`, and what was given for it.
        days: Where local days are cut.
    """
    blocks: Blocks = {}
    channel_id = 100  # Behind those of a load.
    for what, given in options:
        for name, path in named(given, what):
            channel_id += 1
            text, file = read_text(path)
            blocks.setdefault(name, []).extend(_READERS[what](text, name, file, days, channel_id))
    return blocks


def state_from(path: Path | None) -> CarriedState | None:
    """The state of a file: of its own, or what the last bill of an earlier output left.

    Raises:
        InvalidValueError: It is neither.
    """
    if path is None:
        return None
    text, file = read_text(path)
    try:
        given = json.loads(text)
        return state_of(given["months"][-1]["closing"] if "months" in given else given)
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        message = f"{file} holds no state of a bill: {error}."
        remedy = "Give what `rate --json` printed, or the `closing` of one of its months."
        raise InvalidValueError(message, value=file, remedy=remedy) from None


def period_of(text: str) -> BillingPeriod:
    """A period of `2026-10`, `2026-10@15`, or `2026-10-15..2026-12-15/2` with its months.

    Raises:
        InvalidValueError: It is none of these.
    """
    match = _PERIOD.fullmatch(text)
    if match is None:
        return Cycle.parse(text).period
    first, end, months = match.groups()
    days = DayRange(day_of(first, "period"), day_of(end, "period"))
    return BillingPeriod(text, days, int(months or 1), days.end)


def billed(
    blocks: Blocks,
    periods: Sequence[str] | None,
    first: date | None,
    end: date | None,
) -> Iterator[BillToRate]:
    """The bills that are to be made: of the periods given, or of the months of what was metered.

    Args:
        blocks: By input.
        periods: As `period_of` reads them.
        first: Day on which billing begins, as at a move-in; None for the first of all.
        end: The day after the last that is billed; None for all.

    Raises:
        InvalidValueError: There is nothing to bill.
    """
    if periods:
        wanted = [period_of(text) for text in periods]
        span = DayRange(wanted[0].days.first, wanted[-1].days.end)
    else:
        span = _span(blocks, first, end)
        wanted = list(_months(span))
    span = DayRange(first or span.first, end or span.end)
    for period in wanted:
        days = period.days.within(span)
        if days is not None:
            yield BillToRate(period.name, days, period, blocks)


def day_of(text: str, what: str) -> date:
    """A day such as 2026-10-01.

    Raises:
        InvalidValueError: It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} of --{what} is not a day such as 2026-10-01."
        raise InvalidValueError(message, value=text) from None


def _span(blocks: Blocks, first: date | None, end: date | None) -> DayRange:
    days = [block.day for group in blocks.values() for block in group]
    if days:
        return DayRange(min(days), _after(max(days)))
    if first is None or end is None:
        message = "Nothing says which days are to be billed."
        remedy = "Give --load, --input or --reads; or --period, or --first and --end."
        raise InvalidValueError(message, remedy=remedy)
    return DayRange(first, end)


def _after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


def _months(span: DayRange) -> Iterator[BillingPeriod]:
    cycle = Cycle(span.first.year, span.first.month)
    while cycle.first < span.end:
        yield cycle.period
        cycle = cycle.next
