"""Day blocks for rating tests: loads given by a function of local wall time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.metering.service_point import DAY_S
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.interval import MIDNIGHT, local_day
from firmware_bridge.contract.quantity import Unit


def blocks_from(  # noqa: PLR0913 - what a block is made of
    days: DayRange,
    zone: str,
    step_s: int,
    wh_at: Callable[[datetime], int],
    *,
    channel_id: int = 1,
    exponent: int = 0,
    estimated: Iterable[date] = (),
    at: time = MIDNIGHT,
) -> list[DayBlock]:
    """One block per local day; `wh_at` is asked at the local start of each interval.

    Intervals of 86,400 s are local days, whatever they have.
    """
    info, marks = ZoneInfo(zone), set(estimated)
    blocks = []
    for day in days.days():
        interval = local_day(day, zone, at)
        if not interval.duration:
            continue
        period_s = interval.duration // timedelta(seconds=1) if step_s == DAY_S else step_s
        count = interval.duration // timedelta(seconds=period_s)
        starts = [interval.start + timedelta(seconds=period_s * n) for n in range(count)]
        values = [wh_at(start.astimezone(info)) for start in starts]
        blocks.append(
            DayBlock(
                channel_id=channel_id,
                day=day,
                zone=zone,
                start=interval.start,
                period_s=period_s,
                exponent=exponent,
                unit=Unit.WATT_HOUR,
                values=np.array(values, dtype=np.int64),
                quality=np.full(count, 1 if day in marks else 0, dtype=np.uint8),
            )
        )
    return blocks


def blocks_of(  # noqa: PLR0913 - what a block is made of
    days: DayRange,
    zone: str,
    step_s: int,
    values: Sequence[int],
    *,
    channel_id: int = 1,
    exponent: int = 0,
) -> list[DayBlock]:
    """Blocks from one flat list of values, in order of time."""
    found = iter(values)
    return blocks_from(
        days, zone, step_s, lambda _: next(found), channel_id=channel_id, exponent=exponent
    )


def rated_month(
    cycle: Cycle, tariff: str, wh: int = 1_000
) -> tuple[Rated, dict[str, TariffDocument]]:
    """A month of a tariff in its zone, with a load that never changes, and its text by hash.

    Args:
        cycle: The month.
        tariff: Its text.
        wh: Of each hour. [Wh]
    """
    version = TariffVersion.of(load_tariff(tariff))
    blocks = {"import": blocks_from(cycle.days, version.document.zone, 3600, lambda _: wh)}
    result = rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), cycle.days)
    assert not result.holds
    return result, {version.sha256: version.document}
