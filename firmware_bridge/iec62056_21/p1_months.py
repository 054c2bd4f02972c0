"""The object `0-0:98.1.0` of P1: what a meter keeps of months that ended.

Belgium   count, the peak's code twice, then for each month its end, when the peak was, and the
          peak; the oldest or the newest month first. Before the first month has ended the count is
          0, and what follows says nothing.
Hungary   one month: its end and 19 values without codes, known by their units and by their sums.

Hungary's order is that of the same telegram's present registers, which its sums and maxima prove
each time. What has another form is never guessed, and never passed over without a word: where a
checksum vouches for the telegram, it is the meter's own, and somebody should hear of it.

Sources: DSMR P1 5.0.2, chapter 6.12; e-MUCS P1 1.7.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from firmware_bridge.contract.obis import Obis
from firmware_bridge.iec62056_21.datasets import DataSet, checked_obis, parse_address, parse_number

MONTHS = checked_obis("0-0:98.1.0")
MONTHS_MAX = 36
_HEAD, _ENTRY = 3, 3
_COUNT = re.compile(r"\d{1,2}", re.ASCII)
_NO_MONTHS = re.compile(r"0{0,2}", re.ASCII)
_STAMP = re.compile(r"\d{12}[SW]?", re.ASCII)
# What Hungary's meters keep, in order: the units' pattern and three sums tell it.
_HUNGARIAN = tuple(
    (checked_obis(f"1-0:{code}"), unit)
    for unit, codes in (
        ("kWh", ("1.8.0", "1.8.1", "1.8.2", "2.8.0", "2.8.1", "2.8.2")),
        ("kvarh", ("3.8.0", "4.8.0", "5.8.0", "6.8.0", "7.8.0", "8.8.0")),
        ("kWh", ("15.8.0",)),
        ("kW", ("1.6.0", "1.6.1", "1.6.2", "2.6.0", "2.6.1", "2.6.2")),
    )
    for code in codes
)
_SUMS = ((0, (1, 2)), (3, (4, 5)), (12, (0, 3)))
_PEAKS = ((13, (14, 15)), (16, (17, 18)))

Stored = tuple[Obis, str, Decimal, str]
"""A code, the text of its time, its value and unit."""


@dataclass(frozen=True, slots=True)
class StoredMonths:
    """What an object says of months that ended.

    Args:
        months: What each holds, the newest first; nothing of a month that has no peak.
        fault: What could not be read; empty if nothing.
    """

    months: tuple[tuple[Stored, ...], ...] = ()
    fault: str = ""


def months_of(item: DataSet) -> StoredMonths:
    """What each month holds, and what could not be read.

    Args:
        item: The object.
    """
    values = item.values
    if values and _STAMP.fullmatch(values[0]):
        return _whole_month(values)
    return _peaks(values)


def _peaks(values: tuple[str, ...]) -> StoredMonths:
    if not any(values) or _NO_MONTHS.fullmatch(values[0]):
        return StoredMonths()
    count = int(values[0]) if _COUNT.fullmatch(values[0]) else 0
    if not 0 < count <= MONTHS_MAX:
        return StoredMonths(fault=f"it begins with {values[0]!r}, which is no number of months")
    codes = {parse_address(text) for text in values[1:_HEAD]}
    code = next(iter(codes), None)
    if code is None or len(codes) > 1:
        return StoredMonths(fault=f"{values[1:_HEAD]} are not the code of one peak")
    entries = values[_HEAD:]
    if len(entries) != _ENTRY * count:
        return StoredMonths(fault=f"{len(entries)} values are not the {_ENTRY} of {count} months")
    months: list[tuple[str, tuple[Stored, ...]]] = []
    faults: list[str] = []
    for at in range(0, len(entries), _ENTRY):
        end, peak_at, text = entries[at : at + _ENTRY]
        if not (end or peak_at or text):
            continue
        if _STAMP.fullmatch(end) is None:
            # Nobody can tell the age of it, and so not of any month.
            return StoredMonths(fault=f"{end!r} is no end of a month")
        number = parse_number(text)
        if number is None or not number[1] or _STAMP.fullmatch(peak_at) is None:
            faults.append(f"({end})({peak_at})({text}) is no peak with its time")
            months.append((end, ()))
        else:
            months.append((end, ((code, peak_at, *number),)))
    # A month's end as text sorts as the months do.
    months.sort(key=lambda month: month[0][:12], reverse=True)
    return StoredMonths(tuple(stored for _, stored in months), "; ".join(faults))


def _whole_month(values: tuple[str, ...]) -> StoredMonths:
    numbers = [parse_number(text) for text in values[1:]]
    quantities = [number for number in numbers if number is not None]
    units = [unit for _, unit in quantities]
    if len(quantities) < len(numbers) or units != [unit for _, unit in _HUNGARIAN]:
        fault = f"its {len(values) - 1} values are not a month's {len(_HUNGARIAN)} in their units"
        return StoredMonths(fault=fault)
    count = [value for value, _ in quantities]
    sums = all(count[whole] == sum(count[part] for part in parts) for whole, parts in _SUMS)
    peaks = all(count[whole] == max(count[part] for part in parts) for whole, parts in _PEAKS)
    if not (sums and peaks):
        return StoredMonths(fault="the tariffs of its month do not make its totals")
    pairs = zip(_HUNGARIAN, count, strict=True)
    return StoredMonths((tuple((code, values[0], value, unit) for (code, unit), value in pairs),))
