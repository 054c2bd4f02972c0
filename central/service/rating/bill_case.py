"""A bill to be tried, in one file: tariffs, days, load by rules, facts, the lines it should have.

The worked examples and the library of tariffs are written so; what a rule or line means stands in
docs/reference/tariffs/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import yaml

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, spelled
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Event, Events
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.kept_tables import by_name, with_kept_tables
from central.domain.tariff.load.document import load_table, load_tariff
from central.domain.tariff.lookup_rules import LookupTable
from central.domain.tariff.version import TariffVersion
from central.service.rating.rate_bills import BillToRate, PricedBill, RatingInputs, rate_bills
from firmware_bridge.contract.errors import ConfigurationError, MeterlineError
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.quantity import Unit

_PRICE_DIGITS = 6
_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ReadTariff = Callable[[str], str]
"""The text of a tariff that a case names."""


class BillCaseError(ConfigurationError):
    """The file of a bill cannot be read."""

    code = "BILL_CASE"
    default_remedy = "Compare it with docs/reference/tariffs/README.md."


class BillDiffersError(ConfigurationError):
    """A bill comes out in another way than its file says."""

    code = "BILL_DIFFERS"
    default_remedy = "Correct the tariff, or what the file says."


@dataclass(frozen=True)
class BillCase:
    """A bill to be tried.

    Args:
        given: What the file says, all scalars as text.
        documents: Of its tariffs.
        texts: Of them, as they stand in their files.
        successor: The tariff after it, None where the bill says none.
        tables: That its tariffs name and that are kept outside.
    """

    given: Mapping[str, Any]
    documents: tuple[TariffDocument, ...]
    texts: tuple[str, ...]
    successor: TariffDocument | None = None
    tables: tuple[LookupTable, ...] = ()

    @cached_property
    def period(self) -> BillingPeriod:
        """Of a month's name, or of the first day, the end and the number of months."""
        if "cycle" in self.given:
            return Cycle.parse(self.given["cycle"]).period
        first, end, months = self.given["period"]
        days = DayRange(date.fromisoformat(first), date.fromisoformat(end))
        return BillingPeriod(f"{days.last:%Y-%m}.example", days, int(months), days.end)

    @cached_property
    def days(self) -> DayRange:
        """That are billed."""
        if "days" not in self.given:
            return self.period.days
        first, end = self.given["days"]
        return DayRange(date.fromisoformat(first), date.fromisoformat(end))

    @property
    def versions(self) -> tuple[TariffVersion, ...]:
        """Of its tariff."""
        return tuple(map(TariffVersion.of, self.documents))

    @cached_property
    def blocks(self) -> dict[str, list[DayBlock]]:
        """By input; an input's rules may be those of several meters, by name."""
        step_s = int(self.given.get("step_minutes", "15")) * 60
        blocks: dict[str, list[DayBlock]] = {}
        for number, (name, given) in enumerate(self.given.get("load", {}).items()):
            meters = given if isinstance(given, dict) else {"": given}
            for meter, rules in enumerate(meters.values()):
                channel_id = 100 * number + meter + 1
                blocks.setdefault(name, []).extend(self._metered(rules, step_s, channel_id))
        return blocks

    @cached_property
    def facts(self) -> AgreementFacts:
        """A value that always held, or values with the dates they hold from."""
        facts: list[Fact] = []
        for name, given in self.given.get("facts", {}).items():
            dated = [(given, date.min.isoformat())] if isinstance(given, str) else given
            facts += [Fact(name, spelled(text), date.fromisoformat(on)) for text, on in dated]
        return AgreementFacts(tuple(facts))

    @cached_property
    def prices(self) -> tuple[PriceSeries, ...]:
        """Prices or factors by rules of the local clock."""
        document = self.documents[0]
        span = self.period.days.interval(document.zone, document.day_start)
        step = timedelta(minutes=int(self.given.get("price_minutes", "60")))
        zone = ZoneInfo(document.zone)
        steps = [
            (span.start + number * step).astimezone(zone) for number in range(span.duration // step)
        ]
        series = []
        for name, rules in self.given.get("prices", {}).items():
            values = [_first(rules, at, "price") for at in steps]
            mantissas = tuple(int(Decimal(value).scaleb(_PRICE_DIGITS)) for value in values)
            step_s = step // timedelta(seconds=1)
            series.append(PriceSeries(name, span.start, step_s, mantissas, -_PRICE_DIGITS))
        return tuple(series)

    @cached_property
    def events(self) -> Events:
        """Stream to events."""
        return {
            stream: [
                Event(
                    name, datetime.fromisoformat(at), Decimal(value), tuple(sorted(fields.items()))
                )
                for name, at, value, fields in given
            ]
            for stream, given in self.given.get("events", {}).items()
        }

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """Money paid in."""
        given = self.given.get("grants", ())
        return tuple(
            Grant(bank, date.fromisoformat(day), Decimal(amount), *map(date.fromisoformat, expires))
            for bank, day, amount, *expires in given
        )

    @cached_property
    def opening(self) -> CarriedState:
        """What the bill before left."""
        return state_of(self.given.get("opening", {}))

    @property
    def ending(self) -> PartEnding:
        """What ends with the bill."""
        return PartEnding("final" in self.given, self.successor)

    @property
    def inputs(self) -> RatingInputs:
        """What it is rated from."""
        return RatingInputs(
            self.versions,
            self.facts,
            self.prices,
            self.grants,
            self.events,
            self.document_days,
        )

    @cached_property
    def document_days(self) -> DocumentDays | None:
        """When it is issued, and when due: on the same day where the file does not say."""
        if "issued" not in self.given:
            return None
        issued = self.given["issued"]
        days = issued, self.given.get("due", issued)
        return DocumentDays(*map(date.fromisoformat, days))

    def priced(self) -> PricedBill:
        """The bill.

        Raises:
            RatingHeldError: It cannot be priced.
        """
        billed = BillToRate(str(self.period), self.days, self.period, self.blocks)
        bills = rate_bills(self.inputs, [billed], opening=self.opening, ending=self.ending)
        return next(iter(bills))

    def _metered(
        self, rules: Sequence[Mapping[str, str]], step_s: int, channel_id: int
    ) -> list[DayBlock]:
        document = self.documents[0]
        zone = ZoneInfo(document.zone)
        blocks = []
        for day in self.period.days.days():
            interval = local_day(day, document.zone, document.day_start)
            count = interval.duration // timedelta(seconds=step_s)
            starts = (interval.start + timedelta(seconds=step_s * n) for n in range(count))
            values = [_wh(rules, step_s, start.astimezone(zone)) for start in starts]
            blocks.append(
                DayBlock(
                    channel_id=channel_id,
                    day=day,
                    zone=document.zone,
                    start=interval.start,
                    period_s=step_s,
                    exponent=0,
                    unit=Unit.WATT_HOUR,
                    values=np.array(values, dtype=np.int64),
                    quality=np.zeros(count, dtype=np.uint8),
                )
            )
        return blocks


def read_case(text: str, file: str, tariff: ReadTariff) -> BillCase:
    """The bill that a file says.

    Args:
        text: YAML; every scalar is read as text.
        file: Its name, for messages.
        tariff: Gives the text of a tariff that it names.

    Raises:
        BillCaseError: It cannot be read.
        TariffRefusedError: A tariff that it names is refused.
    """
    try:
        given = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts alone
    except yaml.YAMLError as error:
        message = f"{file} is not valid YAML: {' '.join(str(error).split())}."
        raise BillCaseError(message, value=file) from None
    if not isinstance(given, dict) or "tariff" not in given or not {"cycle", "period"} & set(given):
        message = f"{file} does not name a tariff, and a cycle or a period."
        raise BillCaseError(message, value=file)
    names = given["tariff"] if isinstance(given["tariff"], list) else [given["tariff"]]
    texts = tuple(map(tariff, names))
    tables = tuple(load_table(tariff(name), file=name) for name in given.get("tables", ()))
    documents = tuple(
        with_kept_tables(load_tariff(content, file=name), by_name(tables))
        for name, content in zip(names, texts, strict=True)
    )
    after = given.get("successor")
    successor = None if after is None else load_tariff(tariff(after), file=after)
    case = BillCase(given, documents, texts, successor, tables)
    try:
        # All that the file says is looked at here, so that nothing of it is refused later.
        for member in (
            "period",
            "days",
            "blocks",
            "facts",
            "prices",
            "events",
            "grants",
            "opening",
            "document_days",
        ):
            getattr(case, member)
    except MeterlineError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        message = f"{file} says something of its {member} that cannot be read: {error}."
        raise BillCaseError(message, value=member) from None
    return case


def state_of(given: Mapping[str, Any]) -> CarriedState:
    """A state that names only what is not empty."""
    return CarriedState.from_json(dict(given))


def differences(case: BillCase, bill: PricedBill) -> list[str]:
    """Where a bill is not as its file says; empty where it is, or says nothing."""
    expected = {line["key"]: line for line in case.given.get("lines", ())}
    lines = {line.key: line for line in bill.rated.lines}
    faults = []
    if expected and list(expected) != list(lines):
        faults.append(f"its lines are {', '.join(lines)}")
    for key in expected.keys() & lines.keys():
        for name in ("quantity", "price", "amount"):
            value = getattr(lines[key], name)
            if name in expected[key] and value != Decimal(expected[key][name]):
                faults.append(f"{key} has the {name} {value}, not {expected[key][name]}")
    if "total" in case.given and bill.rated.total != Decimal(case.given["total"]):
        faults.append(f"the total is {bill.rated.total}, not {case.given['total']}")
    if "closing" in case.given and bill.rated.closing != state_of(case.given["closing"]):
        faults.append("it leaves another state")
    return faults


def _wh(rules: Sequence[Mapping[str, str]], step_s: int, local: datetime) -> int:
    power = _first(rules, local, "kW", "0")
    wh = Fraction(power) * 1000 * step_s / 3600
    if wh.denominator != 1:
        message = f"{power} kW is not a whole number of Wh in {step_s} s"
        raise ValueError(message)
    return int(wh)


def _first(
    rules: Sequence[Mapping[str, str]], local: datetime, name: str, missing: str | None = None
) -> str:
    """What the first rule says that matches."""
    for rule in rules:
        if _matches(rule, local):
            return rule[name]
    if missing is None:
        message = f"no rule says the {name} of {local.isoformat()}"
        raise ValueError(message)
    return missing


def _matches(rule: Mapping[str, str], local: datetime) -> bool:
    first, last = map(_minutes, rule["at"].split("-"))
    days = rule.get("days", "").split()
    in_days = not days or any(_holds(days_text, local.date()) for days_text in days)
    return in_days and first <= local.hour * 60 + local.minute < last


def _holds(text: str, day: date) -> bool:
    """Whether `2026-03-01`, `2026-03-01..2026-03-07`, `sat` or `mon-fri` holds a day."""
    first, _, last = text.partition(".." if ".." in text else "-")
    if first in _DAY_NAMES:
        numbers = _DAY_NAMES.index(first), _DAY_NAMES.index(last or first)
        return numbers[0] <= day.weekday() <= numbers[1]
    if ".." not in text:
        first = last = text
    return date.fromisoformat(first) <= day <= date.fromisoformat(last)


def _minutes(text: str) -> int:
    hours, minute = text.split(":")
    return int(hours) * 60 + int(minute)
