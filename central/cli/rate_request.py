"""What `meterline-central rate` is asked, and the bills that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal

import typer

from central.cli import rate_options as given
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rate import RatingOptions
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.kept_tables import with_kept_tables
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.urdb.metering import Rule
from central.domain.tariff.version import TariffVersion
from central.service.rating.bill_case import differences, read_case
from central.service.rating.load_blocks import RatingRequest
from central.service.rating.load_csv import LoadCsvError, hold_values, read_series
from central.service.rating.rate_bills import BillToRate, PricedBill, RatingInputs, rate_bills
from central.service.rating.rate_file import events_for, load_months, read_tariff, versions_for
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import zone_info

Options = Sequence[str] | None


@dataclass(frozen=True)
class RateAnswer:
    """Bills that were asked for.

    Args:
        document: A version of their tariff.
        bills: Ascending.
        events: That lines rest on.
        faults: Where they are not as the file of the bill says.
    """

    document: TariffDocument
    bills: tuple[PricedBill, ...]
    events: Events
    faults: tuple[str, ...] = ()


def answer_case(path: Path) -> RateAnswer:
    """The bill of a file that says all of it.

    Raises:
        BillCaseError: It cannot be read.
        RatingHeldError: The bill cannot be priced.
    """
    text, file = given.read_text(path)
    case = read_case(text, file, lambda name: given.read_text(path.parent / name)[0])
    bill = case.priced()
    return RateAnswer(case.documents[0], (bill,), case.events, tuple(differences(case, bill)))


@dataclass(frozen=True)
class RateRequest:
    """The options of the command, each as it was given.

    Args:
        tariffs: Files; several are versions of one tariff.
        load: File of the load, None for none.
        start: Local start of the load.
        step_minutes: Of the load.
        zone: IANA zone, None for that of the tariff.
        unit: Of the load.
        gen: File of generation.
        record: Number in a URDB file.
        naive: Whether by the reference's calendar.
        counted: NAME=CSV of what meters counted.
        reads: NAME=CSV of registers.
        series: NAME=CSV of prices and factors.
        facts: NAME=VALUE[@DAY].
        events: File of events.
        grants: BANK=AMOUNT@DAY[/EXPIRES].
        opening: File of the state that the first bill opens with.
        periods: Of the bills.
        first: First day that is billed.
        end: The day after the last.
        issued: Day of issue, None for the day after each bill.
        due: Day of payment, None for the day of issue.
        successor: File of the tariff after the last bill.
        final: Whether the occupancy ends with it.
        rounded: Whether lines are rounded.
        reference: Whether what the reference ignores is left out.
        tables: Files of the lookup tables that the tariff names.
    """

    tariffs: Sequence[Path]
    load: Path | None
    start: str | None
    step_minutes: int | None
    zone: str | None
    unit: Literal["kW", "kWh"]
    gen: Path | None
    record: int
    naive: bool
    counted: Options
    reads: Options
    series: Options
    facts: Options
    events: Path | None
    grants: Options
    opening: Path | None
    periods: Options
    first: date | None
    end: date | None
    issued: date | None
    due: date | None
    successor: Path | None
    final: bool
    rounded: bool
    reference: bool
    tables: Sequence[Path] = ()

    def answer(self) -> RateAnswer:
        """Price the bills.

        Raises:
            InvalidValueError: An option does not fit, or one is missing.
            LoadCsvError: The load cannot be used.
            RatingHeldError: A bill cannot be priced.
            TariffRefusedError: The tariff is refused.
        """
        if self.due is not None and self.issued is None:
            message = "--due needs --issued."
            raise InvalidValueError(message, value=self.due.isoformat())
        document = self.versions[0].document
        cut = zone_info(document.zone), document.day_start
        events = events_for(self.versions, given.events_of(self.events))
        inputs = RatingInputs(
            self.versions,
            given.facts_of(self.facts),
            given.series_of(self.series, cut[0]),
            given.grants_of(self.grants),
            events,
            None if self.issued is None else DocumentDays(self.issued, self.due or self.issued),
        )
        after = None if self.successor is None else load_tariff(self.successor)
        bills = rate_bills(
            inputs,
            self._billed(given.metered([("input", self.counted), ("reads", self.reads)], cut)),
            opening=given.state_from(self.opening),
            ending=PartEnding(self.final, after),
            options=RatingOptions(rounded=self.rounded),
        )
        return RateAnswer(document, tuple(bills), events)

    @cached_property
    def versions(self) -> tuple[TariffVersion, ...]:
        """Of the tariff, on the calendar that was asked for."""
        tables = given.tables_of(self.tables)
        documents = [with_kept_tables(document, tables) for document, _ in self._read]
        if len({document.tariff for document in documents}) > 1:
            names = ", ".join(document.tariff for document in documents)
            message = f"{names} are several tariffs, and no versions of one."
            raise InvalidValueError(message, value=names)
        zone = self.zone or documents[0].zone
        return versions_for(documents, "UTC" if self.naive else zone, naive=self.naive)

    @cached_property
    def _read(self) -> tuple[tuple[TariffDocument, bool], ...]:
        """Documents, and whether use and generation are netted under each."""
        if not self.tariffs:
            message = "No tariff is named."
            raise InvalidValueError(message, remedy="Give --tariff, or --case.")
        return tuple(map(self._tariff, self.tariffs))

    def _tariff(self, path: Path) -> tuple[TariffDocument, bool]:
        text, file = given.read_text(path)
        document, imported = read_tariff(
            text,
            file,
            record=self.record,
            zone=self.zone,
            reference=self.reference,
            generation=self.gen is not None,
            step_minutes=self.step_minutes,
        )
        if imported is not None and imported.ignored:
            names = ", ".join(imported.ignored)
            typer.echo(f"Ignored as the reference does: {names}", err=True)
        apart = imported is not None and imported.metering is Rule.BUY_ALL_SELL_ALL
        return document, not apart

    def _billed(self, others: given.Blocks) -> list[BillToRate]:
        months = list(self._load_months())
        if self.naive:
            if self.periods or others or self.first or self.end:
                message = "The reference's calendar has months of a load alone."
                raise InvalidValueError(message, remedy="Leave out --calendar naive.")
            return months
        blocks: given.Blocks = dict(others)
        for month in months:
            # With a tariff that looks back, a month has the days before it as well.
            for name, days in month.blocks.items():
                new = [block for block in days if block.day >= month.days.first]
                blocks[name] = [*blocks.get(name, ()), *new]
        return list(given.billed(blocks, self.periods, self.first, self.end))

    def _load_months(self) -> Sequence[BillToRate]:
        if self.load is None:
            return ()
        if self.start is None or self.step_minutes is None:
            message = "A load needs --start and --step-minutes."
            raise InvalidValueError(message, remedy="Give both.")
        text, file = given.read_text(self.load)
        values = read_series(text, file, lowest=Decimal(0))
        generation = None
        if self.gen is not None:
            made_text, made_file = given.read_text(self.gen)
            generation = read_series(made_text, made_file)
            count = max(len(values), len(generation))
            values = hold_values(values, count, file)
            generation = hold_values(generation, count, made_file)
        request = replace(
            _request(self.start, self.step_minutes, self.versions[0].document.zone, self.unit),
            naive=self.naive,
            netting=all(netting for _, netting in self._read),
        )
        return tuple(load_months(self.versions, values, generation, request))


def _request(start: str, step: int, zone: str, unit: Literal["kW", "kWh"]) -> RatingRequest:
    if step not in {60, 30, 15, 5}:
        message = f"A step of {step} minutes is not supported; use 60, 30, 15 or 5."
        raise LoadCsvError(message, value=step)
    try:
        begin = datetime.fromisoformat(start)
    except ValueError:
        message = f"{start!r} is not a local time. Write it as 2018-01-01T00:00."
        raise LoadCsvError(message, value=start) from None
    if begin.tzinfo is not None:
        message = "The start is local time. Leave out its offset."
        raise LoadCsvError(message, value=start)
    return RatingRequest(begin, step, zone, unit)
