"""Whose days are asked for, and what they sum to; the statements: `consumption.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from central.adapters.timescale.named_query import Asker
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.validation.blocks import blocks_of
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.consumption import ChannelSpan, DaySum, LoadOf
from central.service.ports.registry import NotRegisteredError
from central.service.ports.validation import PointChannelId
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit


class TimescaleConsumption:
    """`ConsumptionStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def spans(
        self, of: LoadOf, subject: str, days: DayRange, obis: Sequence[Obis]
    ) -> Sequence[ChannelSpan]:
        """See `ConsumptionStore`."""
        asked = {"kind": of.value, "subject": subject}
        row = await self._ask.row("exists", asked)
        if row is None or not row[0]:
            message = f"The registry has no {of.value} {subject!r}."
            raise NotRegisteredError(message, value=subject)
        codes = [each.code for each in obis]
        values = {**asked, "first": days.first, "end": days.end, "obis": codes}
        rows = await self._ask.rows(f"of_{of.value}", values)
        return [
            ChannelSpan(PointChannelId(channel), Obis(code), *rest) for channel, code, *rest in rows
        ]

    async def day_sums(
        self, spans: Sequence[tuple[int, ChannelSpan]], *, by_day: bool
    ) -> Sequence[DaySum]:
        """See `ConsumptionStore`."""
        if not spans:
            return []
        values = {**_columns([span for _, span in spans]), "keys": [key for key, _ in spans]}
        rows = await self._ask.rows("day_sums", {**values, "by_day": by_day})
        return [
            DaySum(key, day, Unit(unit), exponent, period_s, int(total), *map(int, counts))
            for key, day, unit, exponent, period_s, total, *counts in rows
        ]

    async def blocks(self, spans: Sequence[ChannelSpan]) -> Sequence[DayBlock]:
        """See `ConsumptionStore`."""
        return blocks_of(await self._ask.rows("blocks", _columns(spans))) if spans else []


def _columns(spans: Sequence[ChannelSpan]) -> dict[str, object]:
    return {
        "channels": [span.channel for span in spans],
        "firsts": [span.first for span in spans],
        "ends": [span.end for span in spans],
        "least": min((span.first for span in spans), default=None),
        "most": max((span.end for span in spans), default=None),
    }
