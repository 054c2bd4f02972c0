"""How many findings each rule raises on real loads without any fault: those are false.

    METERLINE_DATA=FOLDER .venv/bin/python -m tests.benchmarks.vee_findings

prints the table of docs/reference/vee.md, "False findings".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.installation import Installation
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.domain.metering.track import InstallationSegment
from central.domain.vee.channel_class import DEFAULT_POLICIES, default_class
from central.domain.vee.history import ChannelHistory, PastDay
from central.domain.vee.rules import RULES
from central.domain.vee.validate import measure_day
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Kind, from_ms, to_ms
from tests.support.data import data_root

_EXPORT = Obis.parse("1-0:2.8.0*255")
_FIRST = date(2018, 1, 1)


@dataclass(frozen=True)
class RealLoad:
    """A channel's real use.

    Args:
        name: Of its file.
        channel: The channel.
        start_ms: Where its first interval begins. [ms since 1970]
        energy: Of each interval. [Wh]
    """

    name: str
    channel: PointChannel
    start_ms: int
    energy: NDArray[np.int64]


def real_loads() -> Iterator[RealLoad]:
    """All loads, generation, and the year of intervals that there are; on import and export."""
    for path in sorted(data_root("loads").glob("*.csv")):
        power = np.array([float(text) for text in path.read_text().split()])
        period_s = 900 if "15min" in path.name else 3600
        generated = path.name.startswith("gen_")
        channel = _channel("Etc/GMT+7", period_s, _EXPORT if generated else ACTIVE_IMPORT)
        start = to_ms(local_day(_FIRST, "Etc/GMT+7").start)
        energy = np.maximum(np.rint(power * 1000 * period_s / 3600), 0).astype(np.int64)
        yield RealLoad(path.stem, channel, start, energy)
    for path in sorted(data_root("intervals", "greenbutton").glob("Inland*.xml")):
        rows: dict[int, int] = {}
        for node in ET.parse(path).iter("{http://naesb.org/espi}IntervalReading"):  # noqa: S314 - our own data
            start_text = node.findtext(".//{http://naesb.org/espi}start")
            value = node.findtext("{http://naesb.org/espi}value")
            if start_text is not None and value is not None:
                rows[int(start_text)] = int(Decimal(value))
        begin = min(rows)
        values = [rows.get(at, 0) for at in range(begin, max(rows) + 1, 3600)]
        channel = _channel("Etc/GMT+8", 3600, ACTIVE_IMPORT)
        yield RealLoad("greenbutton_2011", channel, begin * 1000, np.array(values, dtype=np.int64))


def _channel(zone: str, period_s: int, obis: Obis) -> PointChannel:
    return PointChannel(1, ServicePoint("SP", zone), obis, period_s, Unit.WATT_HOUR)


def findings_of(load: RealLoad) -> tuple[Counter[str], float]:
    """How often each rule raises something, and how many years of days there were."""
    channel, period_ms = load.channel, load.channel.period_s * 1000
    policy = DEFAULT_POLICIES[default_class(channel)]
    at = load.start_ms + period_ms * np.arange(len(load.energy) + 1)
    total = np.concatenate([[0], np.cumsum(load.energy)])
    registers = _series(at, total, Kind.REGISTER, channel)
    own = _series(at[:-1], load.energy, Kind.INTERVAL, channel)
    meter = Installation("A 1", datetime(2000, 1, 1, tzinfo=UTC))
    counted: Counter[str] = Counter()
    history: list[PastDay] = []
    day = channel.local_date(from_ms(load.start_ms))
    while channel.local_day(day).start < from_ms(load.start_ms):
        day += timedelta(days=1)
    while (interval := channel.local_day(day)).end <= from_ms(int(at[-1])):
        low, high = to_ms(interval.start) - 7_300_000, to_ms(interval.end) + 7_300_000
        parts = (registers.between(low, high), own.between(low, high))
        judged = measure_day(channel, day, [InstallationSegment(meter, parts)])
        (rules,) = policy.screened([judged])
        found = policy.judge(judged, rules, ChannelHistory(history))
        counted.update(finding.code for finding in found)
        counted.update(f"asks {rule.code}" for rule in rules if rule.history is not None)
        history.append(PastDay.of(judged.block))
        del history[:-400]
        day += timedelta(days=1)
    counted["days"] = len(history)
    return counted, (day - channel.local_date(from_ms(load.start_ms))).days / 365


def _series(
    at: NDArray[np.int64], values: NDArray[np.int64], kind: Kind, channel: PointChannel
) -> ReadingSeries:
    zero = np.zeros(len(at), dtype=np.int64)
    return ReadingSeries(
        kind=kind,
        source=ReadingSeries.of([]).source,
        period_s=channel.period_s,
        unit=channel.unit,
        at_ms=at.astype(np.int64),
        mantissa=values.astype(np.int64),
        exponent=zero.astype(np.int16),
        flags=zero.astype(np.uint8),
    )


def main() -> None:
    """Print the table."""
    total: Counter[str] = Counter()
    years = 0.0
    for load in real_loads():
        counted, more = findings_of(load)
        print(load.name, f"{more:.2f} years", dict(counted))
        total += counted
        years += more
    print(f"\n| rule | findings in {years:.0f} channel-years | a channel-year | asks history |")
    print("|---|---|---|---|")
    for rule in RULES:
        asked = f"{total['asks ' + rule.code] / years / 365:.1%}"
        each = f"{total[rule.code] / years:.2f}"
        shown = asked if rule.history else ""
        print(f"| {rule.code} | {total[rule.code]} | {each} | {shown} |")


if __name__ == "__main__":
    main()
