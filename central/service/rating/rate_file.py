"""Price a load file under a tariff file, month by month: no database, no meter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rate import RatingOptions
from central.domain.tariff.calendar_rules import CalendarRules
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.urdb.fields import is_urdb
from central.domain.tariff.urdb.importer import Imported, import_urdb, read_records
from central.domain.tariff.version import TariffVersion
from central.service.rating.load_blocks import RatingRequest, months_of
from central.service.rating.load_csv import LoadCsvError
from central.service.rating.rate_bills import BillToRate, PricedBill, RatingInputs, rate_bills
from firmware_bridge.contract.interval import MIDNIGHT


def read_tariff(  # noqa: PLR0913 - which record, and how to read it
    text: str,
    file: str,
    *,
    record: int = 0,
    zone: str | None = None,
    reference: bool = False,
    generation: bool = False,
    step_minutes: int | None = None,
) -> tuple[TariffDocument, Imported | None]:
    """A tariff document from native text, or from a record of a URDB file.

    Args:
        text: Of the file.
        file: Its name, for findings.
        record: Number of a URDB record, from 0; a native file holds one tariff, number 0.
        zone: IANA zone that takes the place of the tariff's own; a URDB record has none.
        reference: Leave out of a URDB record what the reference ignores.
        generation: Whether the customer generates.
        step_minutes: Of the load that is to be priced.

    Raises:
        TariffRefusedError: It is refused.
        LoadCsvError: The file has no such record.
    """
    if not is_urdb(_json_of(text)):
        if record:
            message = f"{file} has one tariff, so record {record} does not exist."
            raise LoadCsvError(message, value=record)
        document = load_tariff(text, file=file)
        return replace(document, zone=zone or document.zone), None
    records = read_records(text, file)
    if not 0 <= record < len(records):
        message = f"{file} has {len(records)} records, so record {record} does not exist."
        raise LoadCsvError(message, value=record)
    if zone is None:
        message = f"A record of {file} says no time zone."
        raise LoadCsvError(message, value=file, remedy="Give --zone.")
    imported = import_urdb(
        records[record],
        file=file,
        zone=zone,
        reference=reference,
        generation=generation,
        step_minutes=step_minutes,
    )
    return imported.document, imported


def _json_of(text: str) -> object:
    """The value of a text that is JSON, or JSON in a JSON string; None for any other text."""
    value: object = text
    while isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value


def rate_months(  # noqa: PLR0913 - what a bill depends on
    document: TariffDocument,
    load: Sequence[Decimal],
    request: RatingRequest,
    *,
    generation: Sequence[Decimal] | None = None,
    facts: AgreementFacts | None = None,
    opening: CarriedState | None = None,
    prices: Sequence[PriceSeries] = (),
    events: Events | None = None,
) -> Iterator[PricedBill]:
    """Price a load month by month; what one month leaves opens the next.

    Args:
        document: In force for the whole load.
        load: One value per step.
        request: How to read them.
        generation: One value per step, in the same unit.
        facts: Of the agreement.
        opening: Before the first month.
        prices: Price series that the tariff names.
        events: Stream to events, all there were; None if they were not asked for.

    Raises:
        LoadCsvError: The series does not begin at a local midnight, or ends inside a day.
        RatingHeldError: A month cannot be priced.
    """
    versions = versions_for([document], request.zone, naive=request.naive)
    yield from rate_bills(
        RatingInputs(
            versions, facts or AgreementFacts(), prices, events=events_for(versions, events)
        ),
        load_months(versions, load, generation, request),
        opening=opening,
        options=RatingOptions(rounded=request.rounded),
    )


def versions_for(
    documents: Sequence[TariffDocument], zone: str, *, naive: bool = False
) -> tuple[TariffVersion, ...]:
    """The versions that a load is priced under; the earliest counts before its date as well.

    Args:
        documents: Of one tariff.
        zone: IANA zone that takes the place of theirs.
        naive: Whether by the reference's calendar.
    """
    first = min(document.effective for document in documents)
    versions = []
    for given in documents:
        effective = date.min if given.effective == first else given.effective
        document = replace(given, effective=effective, zone=zone)
        if naive:
            document = replace(
                document,
                zone="UTC",
                day_start=MIDNIGHT,
                cycle=replace(document.cycle, daily="month"),
                calendar=_without_holidays(document.calendar),
            )
        versions.append(TariffVersion.of(document))
    return tuple(versions)


def events_for(versions: Sequence[TariffVersion], events: Events | None) -> Events:
    """The events of each stream that tariffs read; a stream that is not in a file had none."""
    if events is None:
        return {}
    names = {name for version in versions for name in version.document.given_streams}
    return {name: events.get(name, ()) for name in sorted(names)}


def load_months(
    versions: Sequence[TariffVersion],
    load: Sequence[Decimal],
    generation: Sequence[Decimal] | None,
    request: RatingRequest,
) -> Iterator[BillToRate]:
    """The months of a load as bills, with the days before them where the tariff looks back.

    Raises:
        LoadCsvError: The series does not begin at a local midnight, or ends inside a day.
    """
    first = versions[0].document
    generated = None if generation is None else tuple(generation)
    back = any(version.document.looks_back_days for version in versions)
    seen: dict[str, list[DayBlock]] = {}
    months = months_of(
        tuple(load), generated, replace(request, rounded=True), first.zone, first.day_start
    )
    for month in months:
        if back:
            seen = {name: [*seen.get(name, ()), *new] for name, new in month.blocks.items()}
        days = month.days
        whole = Cycle(days.first.year, days.first.month).period
        yield BillToRate(month.name, days, whole, seen or month.blocks)


def _without_holidays(rules: CalendarRules) -> CalendarRules:
    """Day types keep their names; none of them matches a holiday."""
    days = tuple(replace(kind, holidays=False) for kind in rules.days)
    return replace(rules, holidays=None, days=days)
