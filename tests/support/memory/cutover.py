"""Openings of claim chains in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from central.domain.billing.cutover_opening import CutoverOpening
from central.service.ports.cutover import ShownRegister
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Kind, from_ms
from tests.support.memory.books import BookState, MemoryBooks


class CutoverTables:
    """`CutoverTransaction` over dictionaries."""

    _books: MemoryBooks

    def __init__(self, state: BookState) -> None:
        self._state = state

    async def opening(self, occupancy: int) -> CutoverOpening | None:
        return self._state.openings.get(occupancy)

    async def save_opening(self, occupancy: int, opening: CutoverOpening | None) -> None:
        self._state.openings.pop(occupancy, None)
        if opening is not None:
            self._state.openings[occupancy] = opening
        state = None if opening is None else opening.state
        for key, claim in self._state.claims.items():
            if key[0] == occupancy and claim.first is None:
                self._state.claims[key] = replace(claim, opening=state)

    async def first_register(self, meter: str, obis: Obis, since: datetime) -> ShownRegister | None:
        ingest = self._books.ingest.state
        manufacturer, _, serial = meter.partition("/")
        key = ingest.meters.get((manufacturer, serial))
        channels = {
            record.id
            for (of, code, kind, *_), record in ingest.channels.items()
            if of == key and code == obis and kind is Kind.REGISTER
        }
        shown = sorted(
            (at_ms, channel)
            for channel, at_ms in ingest.readings
            if channel in channels and from_ms(at_ms) >= since
        )
        if not shown:
            return None
        at_ms, channel = shown[0]
        reading = ingest.revised.get((channel, at_ms), ingest.readings[channel, at_ms])
        return ShownRegister(from_ms(at_ms), Decimal(reading.mantissa).scaleb(reading.exponent))

    async def last_number(self, series: str) -> int:
        return self._state.numbers.get(series, 0)

    async def save_number(self, series: str, last: int) -> None:
        self._state.numbers[series] = last
