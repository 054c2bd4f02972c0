"""The object `0-0:98.1.0` of P1: what a meter keeps of months that ended.

Belgium   count, two codes, then for each month its end, when the peak was, and the peak; the oldest
          or the newest month first.
Hungary   one month: its end and 19 values without codes, known by their units and by their sums.

Hungary's order is that of the same telegram's present registers, which its sums and maxima prove
each time.

Sources: DSMR P1 5.0.2, chapter 6.12; e-MUCS P1 1.7.1.
"""

from __future__ import annotations

import re
from decimal import Decimal

from firmware_bridge.contract.obis import Obis
from firmware_bridge.iec62056_21.datasets import DataSet, checked_obis, parse_address, parse_number

MONTHS = "0-0:98.1.0"
MONTHS_MAX = 36
_HEAD, _ENTRY = 3, 3
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


def months_of(item: DataSet) -> tuple[tuple[Stored, ...], ...]:
    """What each month holds, the newest first; nothing where the object has another form.

    Args:
        item: The object.
    """
    if item.values and _STAMP.fullmatch(item.values[0]) and len(item.values) == 1 + len(_HUNGARIAN):
        return _whole_month(item.values)
    return _peaks(item.values)


def _peaks(values: tuple[str, ...]) -> tuple[tuple[Stored, ...], ...]:
    if len(values) < _HEAD or not values[0].isdigit() or len(values[0]) > 2:  # noqa: PLR2004 - a number of months
        return ()
    count, code = int(values[0]), parse_address(values[2])
    entries = values[_HEAD:]
    if code is None or count > MONTHS_MAX or len(entries) != _ENTRY * count:
        return ()
    months = []
    for at in range(0, len(entries), _ENTRY):
        end, peak_at, text = entries[at : at + _ENTRY]
        number = parse_number(text)
        if _STAMP.fullmatch(end) is None or number is None or not number[1]:
            return ()
        months.append((end, (code, peak_at, *number)))
    # A month's end as text sorts as the months do.
    return tuple(
        (stored,) for _, stored in sorted(months, key=lambda month: month[0][:12], reverse=True)
    )


def _whole_month(values: tuple[str, ...]) -> tuple[tuple[Stored, ...], ...]:
    numbers = [parse_number(text) for text in values[1:]]
    quantities = [number for number in numbers if number is not None]
    if [unit for _, unit in quantities] != [unit for _, unit in _HUNGARIAN]:
        return ()
    count = [value for value, _ in quantities]
    if any(count[whole] != sum(count[part] for part in parts) for whole, parts in _SUMS):
        return ()
    if any(count[whole] != max(count[part] for part in parts) for whole, parts in _PEAKS):
        return ()
    pairs = zip(_HUNGARIAN, count, strict=True)
    return (tuple((code, values[0], value, unit) for (code, unit), value in pairs),)
