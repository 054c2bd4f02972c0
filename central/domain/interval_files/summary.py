"""What a file of metered values holds, by register."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from central.domain.interval_files.values import MeteredValue, ValuesFile


@dataclass(slots=True)
class _Register:
    unit: str
    values: int = 0
    blank: int = 0
    total: Decimal = Decimal(0)
    quality: Counter[str] = field(default_factory=Counter)
    cost: Decimal | None = None
    first: datetime | None = None
    last: datetime | None = None
    gaps: int = 0
    again: int = 0

    def add(self, metered: MeteredValue) -> None:
        self._locate(metered)
        if metered.cost is not None:
            self.cost = (self.cost or Decimal(0)) + metered.cost
        self.quality.update(metered.qualities if metered.value is not None else ())
        if metered.value is None:
            self.blank += 1
        else:
            self.values += 1
            self.total += metered.value

    def _locate(self, metered: MeteredValue) -> None:
        start = metered.end if metered.start is None else metered.start
        if self.last is not None:
            self.gaps += start > self.last
            self.again += start < self.last
        self.first = start if self.first is None else min(self.first, start)
        self.last = metered.end if self.last is None else max(self.last, metered.end)


def summary_of(file: ValuesFile) -> list[dict[str, Any]]:
    """Registers by point and name: how many values, their exact sum, and of which quality.

    Values that the file leaves blank are counted apart. A gap is where a value does not begin with
    the end of those before; a value that begins before it is there again.
    """
    registers: dict[tuple[str, str], _Register] = {}
    for metered in file.values():
        registers.setdefault((metered.point, metered.register), _Register(metered.unit)).add(
            metered
        )
    return [
        {
            "point": point,
            "suffix": name,
            "unit": register.unit,
            "values": register.values,
            "blank": register.blank,
            "sum": format(register.total, "f"),
            "cost": None if register.cost is None else format(register.cost, "f"),
            "quality": dict(register.quality),
            "from": None if register.first is None else register.first.isoformat(),
            "until": None if register.last is None else register.last.isoformat(),
            "gaps": register.gaps,
            "again": register.again,
        }
        for (point, name), register in sorted(registers.items())
    ]
