"""Bills compared with the revisions of their inputs, over dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from uuid import UUID

from central.domain.billing.issue import document_days
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.meter_reads import installed_within
from central.service.ports.bill_shard import NewBill, NewPart
from central.service.ports.holes import HOLES
from central.service.ports.registry import AgreementRecord
from central.service.ports.stamps import (
    ChangedInput,
    Decided,
    InputKind,
    InputStamp,
    WaitingChange,
    changed_tariff,
    reaches_into,
    waiting_change,
)
from central.service.ports.validation import ChannelDay
from firmware_bridge.contract.interval import MIDNIGHT, Interval
from firmware_bridge.contract.reading import from_ms
from tests.support.memory.books import BookState, KeptBill, MemoryBooks
from tests.support.memory.history import block_of, channel_of
from tests.support.memory.validation import device_channels

_UNKNOWN = InputStamp(not_metered=True)
_OPEN = frozenset({"draft", "approved"})


def revision(state: BookState, kind: InputKind, name: str = "") -> int:
    """The revision of an input."""
    return state.revisions.get((kind, name), 0)


def stamp_of(state: BookState, agreement: AgreementRecord) -> InputStamp:
    """The revisions of what an agreement brings into a bill, but for series and other tariffs."""
    return InputStamp(
        revision(state, InputKind.POINT, agreement.point),
        revision(state, InputKind.ACCOUNT, agreement.account),
        revision(state, InputKind.TARIFF, agreement.tariff),
        revision(state, InputKind.SETTINGS),
    )


def series_revisions(state: BookState, names: Collection[str]) -> dict[str, int]:
    """The revisions of series."""
    return {name: revision(state, InputKind.SERIES, name) for name in names}


def settled(books: MemoryBooks, uids: Sequence[UUID], at: datetime) -> tuple[list[UUID], Decided]:
    """Those bills whose inputs are what they were, and the others."""
    bills = {uid: item[1] for uid in uids if (item := books.bill_of(uid)) is not None}
    changed = {uid: inputs for uid in bills if (inputs := changes(books, bills[uid], at))}
    waiting = {uid: points for uid in bills if (points := _waiting(books, bills[uid]))}
    fresh = [uid for uid in uids if uid not in changed and uid not in waiting]
    return fresh, Decided(len(fresh), changed, waiting)


def changes(books: MemoryBooks, bill: KeptBill, at: datetime) -> tuple[ChangedInput, ...]:
    """What is another than a bill was made with."""
    inputs: dict[ChangedInput, None] = {}
    for row in bill.parts:
        key = row.part.agreement_id
        agreement, had = books.state.agreements[key], bill.stamps.get(key)
        inputs.update(dict.fromkeys(_changes(books.state, agreement, bill, had)))
        inputs.update(dict.fromkeys(_moved_document(books.state, agreement, bill, had, at)))
        if had is None or had.not_metered:
            begins = day_start(books.state, agreement)
            days = row.part.days.interval(books.state.points[agreement.point].zone, begins)
            holes = holes_at(books, agreement.point, days)
            inputs.update(
                dict.fromkeys(ChangedInput(InputKind.GATEWAY, name) for _, name, _ in holes)
            )
    return tuple(inputs)


def day_start(state: BookState, agreement: AgreementRecord) -> time:
    """When the days of an agreement's service begin."""
    return state.services[agreement.point, agreement.service or ""].day_start or MIDNIGHT


def holes_at(books: MemoryBooks, point: str, days: Interval) -> list[tuple[str, str, int]]:
    """The gateways of a point's meters of which something never arrived, with the finding."""
    ingest = books.ingest.state
    names = {record.id: name for name, record in ingest.gateways.items()}
    homes = {
        ingest.homes[ingest.meters[meter.manufacturer, meter.serial]]
        for meter in books.state.installations.values()
        if meter.point == point and installed_within(meter.start, meter.end, days) is not None
    }
    return [
        (finding.code.value, names[finding.gateway_id], number)
        for number, finding in enumerate(ingest.findings.values(), start=1)
        if finding.gateway_id in homes and finding.code.value in HOLES
    ]


def _changes(
    state: BookState, agreement: AgreementRecord, bill: KeptBill, had: InputStamp | None
) -> Iterator[ChangedInput]:
    now = stamp_of(state, agreement)
    if had is None or had.point != now.point:
        yield ChangedInput(InputKind.POINT, agreement.point)
    if had is None or had.account != now.account:
        yield ChangedInput(InputKind.ACCOUNT, agreement.account)
    if had is None or had.tariff != now.tariff:
        changed = _changed_tariff(state, agreement.tariff, bill)
        years = {f"{key[0]} {key[1]}": key[2] for key in sorted(state.holidays)}
        named = sorted(had.holidays.items()) if had else ()
        holidays = [year for year, was in named if max(was, 1) != years.get(year, 1)]
        yield from changed_tariff(agreement.tariff, changed.versions, holidays)
    for name, was in sorted(had.others.items() if had else ()):
        if was != revision(state, InputKind.TARIFF, name):
            yield _changed_tariff(state, name, bill)
    for name, was in sorted(had.series.items() if had else ()):
        if was != revision(state, InputKind.SERIES, name):
            yield ChangedInput(InputKind.SERIES, name)
    if had is None or had.settings != now.settings:
        yield ChangedInput(InputKind.SETTINGS, "")


def _moved_document(
    state: BookState,
    agreement: AgreementRecord,
    bill: KeptBill,
    had: InputStamp | None,
    at: datetime,
) -> Iterator[ChangedInput]:
    """The day of issue, where it may have another rate of a tax."""
    was = None if had is None else had.document_days
    if had is None or was is None or bill.record.bill.state.value not in _OPEN:
        return
    zone = bill.record.bill.supplies[0].zone
    now = document_days(list(state.settings.values()), zone, at)
    for name in sorted({agreement.tariff, *had.others}):
        days = {key[1] for key in state.tariffs if key[0] == name}
        days |= {key[1] for key in state.tables if key[0] in had.series}
        days |= {fact.effective for fact in agreement.facts.facts}
        if was.crosses(now, days):
            text = f"another version of {name} says the rate of a tax"
            yield ChangedInput(InputKind.DOCUMENT, text)


def _changed_tariff(state: BookState, name: str, bill: KeptBill) -> ChangedInput:
    since = bill.record.made_at
    added = {
        key[1]
        for key, revision in state.tariffs.items()
        if key[0] == name and revision.recorded_at > since
    }
    return ChangedInput(InputKind.TARIFF, name, tuple(sorted(added)))


def contributors(state: BookState, bill: KeptBill) -> dict[str, str]:
    """Who worked on a bill, and what they did."""
    days_of = {state.agreements[row.part.agreement_id].point: row.part.days for row in bill.parts}
    workers = {
        actor: what
        for (point, day, actor), what in state.worked.items()
        if point in days_of and days_of[point].first <= day < days_of[point].end
    }
    consumed = {entry for row in bill.parts for entry in row.part.entries}
    paid = {
        row.actor: "posted money that it consumes"
        for row in state.ledger.values()
        if row.id in consumed
    }
    answered = {
        actor: "answered for what its gateway never sent"
        for (point, actor), at in state.answered.items()
        for row in bill.parts
        if state.agreements[row.part.agreement_id].point == point
        and at.date() >= row.part.days.first - timedelta(days=1)
        and bill.stamps.get(row.part.agreement_id, _UNKNOWN).not_metered
    }
    started = dict.fromkeys(state.starters[bill.run_id], "started its run")
    again = dict.fromkeys(bill.record.contributors, "ran it again")
    return started | again | {bill.record.creator: "made it"} | workers | answered | paid


def _waiting(books: MemoryBooks, bill: KeptBill) -> tuple[str, ...]:
    state = books.state
    points = set()
    for row in bill.parts:
        agreed = state.agreements[row.part.agreement_id]
        days = read_days(bill, row.part)
        if not row.part.settles and waiting_at(books, agreed.point, days):
            points.add(agreed.point)
    return tuple(sorted(points))


def read_days(bill: KeptBill, read: NewPart) -> DayRange:
    """The days that a part was rated with, those before its own included."""
    had = bill.stamps.get(read.agreement_id, InputStamp())
    return DayRange(read.days.first - timedelta(days=had.looks_back_days), read.days.end)


def waiting_at(books: MemoryBooks, point: str, days: DayRange) -> list[WaitingChange]:
    """The changes of days of a point that wait for validation."""
    state, ingest = books.state, books.ingest.state
    changes_there: list[WaitingChange] = []
    for key, counted in state.channels.items():
        if counted.point != point:
            continue
        devices = {
            channel
            for meter in (*state.installations.values(), *state.withdrawn_installations.values())
            if meter.point == point
            for channel in device_channels(ingest, meter, counted.record.obis)
        }
        waiting = [one for one in ingest.touched.values() if one.channel_id in devices]
        if not waiting:
            continue
        blocks = [
            block
            for day in sorted({of.day for of, _ in state.blocks if of.channel_id == key})
            if (block := block_of(state, ChannelDay(key, day), None)) is not None
        ]
        changes_there += [
            waiting_change(
                channel_of(state, key),
                Interval(from_ms(touched.from_ms), from_ms(touched.until_ms)),
                blocks,
            )
            for touched in waiting
        ]
    return [change for change in changes_there if reaches_into(change, days)]


def refresh(state: BookState, new: NewBill) -> None:
    """Note newer revisions in a bill that says just this and is not issued."""
    for key, there in state.bills.items():
        record = there.record
        same = (record.bill.account, record.bill.period, record.bill.run_type, record.sha256)
        if same != (new.bill.account, new.bill.period, new.bill.run_type, new.bill.sha256):
            continue
        parts = tuple(row.part for row in there.parts)
        if record.bill.state.value in _OPEN and parts == new.parts:
            state.bills[key] = replace(there, stamps=new.stamps)
