"""The days of what is asked for: closed ones as they are validated, open ones from readings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import numpy as np

from central.domain.consumption.step_totals import LoadTotal
from central.domain.metering.block import DayBlock
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import NULL, is_estimate
from central.domain.rating.inputs.input_series import POWERS, billing_scale, unit_scale
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.consumption import ChannelSpan, ConsumptionStore, DaySum, LoadOf
from central.service.ports.validation import PointChannelId, ValidationStore
from central.service.so_far.open_days import DAYS_BACK, open_days
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

DAYS_MOST = 400
"""How many days are asked for at once."""
TOGETHER = 200
"""How many channels are locked at a time."""
BLOCKS_TOGETHER = 20_000
"""How many days of channels are read at a time."""

_DAY = timedelta(days=1)


class MixedUnitsError(OperatorError):
    """What is asked for counts in several units, which have no sum."""

    code = "MIXED_UNITS"
    default_remedy = "Ask for what counts in one unit, by `obis`."


@dataclass(slots=True)
class LoadUnit:
    """The unit of all that is summed, once something was.

    Args:
        name: Of the unit; "" before.
    """

    name: str = ""

    def require(self, unit: Unit) -> None:
        """Take a unit.

        Raises:
            MixedUnitsError: It is another than before.
        """
        name = display_unit(POWERS.get(unit, unit)).name
        if self.name and self.name != name:
            message = f"Some of what is asked for counts in {self.name}, and some in {name}."
            raise MixedUnitsError(message, value=[self.name, name])
        self.name = name


class Loads:
    """Reads the days of channels.

    Args:
        store: Where validated days are.
        validation: Where readings are.
    """

    def __init__(self, store: ConsumptionStore, validation: ValidationStore) -> None:
        self._store = store
        self._validation = validation

    async def spans(
        self, of: LoadOf, subject: str, days: DayRange, obis: Sequence[Obis]
    ) -> list[ChannelSpan]:
        """The channels, each day of each once.

        Raises:
            InvalidValueError: There are too many days.
            NotRegisteredError: There is none of that name.
        """
        if days.count > DAYS_MOST:
            message = f"{days.count} days cannot be asked for at once."
            remedy = f"Ask for {DAYS_MOST} days or fewer."
            raise InvalidValueError(message, value=days.count, remedy=remedy)
        return merged(await self._store.spans(of, subject, days, obis))

    async def day_sums(
        self, spans: Sequence[tuple[int, ChannelSpan]], *, by_day: bool = True
    ) -> list[DaySum]:
        """Sums of closed days, by the key before each span."""
        return list(await self._store.day_sums(spans, by_day=by_day))

    async def closed(self, spans: Sequence[ChannelSpan]) -> AsyncIterator[DayBlock]:
        """The closed days of spans."""
        longest = max(((span.end - span.first).days for span in spans), default=1)
        together = max(BLOCKS_TOGETHER // longest, 1)
        for begin in range(0, len(spans), together):
            for block in await self._store.blocks(spans[begin : begin + together]):
                yield block

    async def opened(self, spans: Sequence[ChannelSpan], at: datetime) -> AsyncIterator[DayBlock]:
        """The days of spans that are not closed, as far as readings are there."""
        days: dict[PointChannelId, list[ChannelSpan]] = {}
        for span in spans:
            # The local day of the earliest zone is a day behind.
            if span.end > at.date() - (DAYS_BACK + 1) * _DAY:
                days.setdefault(span.channel, []).append(span)
        channels = sorted(days)
        for begin in range(0, len(channels), TOGETHER):
            some = channels[begin : begin + TOGETHER]
            for day in (await open_days(self._validation, some, at))[0]:
                block = day.block
                of_channel = days.get(PointChannelId(block.channel_id), [])
                if any(span.first <= block.day < span.end for span in of_channel):
                    yield block


def merged(spans: Iterable[ChannelSpan]) -> list[ChannelSpan]:
    """Spans without a day that comes twice: what two services or members have in common.

    Args:
        spans: By channel and first day. A day that two accounts have is the first one's.
    """
    once: list[ChannelSpan] = []
    for span in sorted(spans, key=lambda span: (span.channel, span.first, span.end)):
        last = once[-1] if once and once[-1].channel == span.channel else None
        if last is None or span.first > last.end:
            once.append(span)
        elif span.account == last.account:
            once[-1] = last._replace(end=max(last.end, span.end))
        elif span.end > last.end:
            once.append(span._replace(first=last.end))
    return once


def of_sum(day: DaySum) -> LoadTotal:
    """What a sum of closed days comes to."""
    scale = unit_scale(day.exponent, day.unit, day.period_s)
    return LoadTotal(day.total * scale, day.channels, day.missing, day.estimated)


def of_block(block: DayBlock, until: datetime) -> LoadTotal:
    """What a day comes to until a time; what is to come is not missing."""
    over = max((until - block.start) // timedelta(seconds=block.period_s), 0)
    values, quality = block.values[:over], block.quality[:over]
    there = values != NULL
    total = sum(values[there].tolist()) * billing_scale(block)
    counts = int(np.count_nonzero(~there)), int(np.count_nonzero(is_estimate(quality)))
    return LoadTotal(Fraction(total), int(bool(len(values))), *counts)


def zone_of(spans: Sequence[ChannelSpan]) -> str:
    """The zone of the first of them, by name of the point; UTC of none."""
    return min(spans, key=lambda span: span.point).zone if spans else "UTC"
