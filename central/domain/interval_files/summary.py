"""What a file of metered values holds, by register."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from central.domain.interval_files.values import MeteredFile


@dataclass(slots=True)
class _Register:
    unit: str
    values: int = 0
    blank: int = 0
    total: Decimal = Decimal(0)
    quality: Counter[str] = field(default_factory=Counter)

    def add(self, value: Decimal | None, method: str) -> None:
        if value is None:
            self.blank += 1
            return
        self.values += 1
        self.total += value
        self.quality[method[:1]] += 1


def summary_of(file: MeteredFile) -> list[dict[str, Any]]:
    """Registers by point and suffix: how many values, their exact sum, and of which quality.

    A quality is its first letter; values that the file leaves blank are counted apart.
    """
    registers: dict[tuple[str, str], _Register] = {}
    for stream in file.streams:
        register = registers.setdefault((stream.point, stream.suffix), _Register(stream.unit))
        for day in stream.days:
            for value, flag in zip(day.values, day.flags, strict=True):
                register.add(value, flag.method)
    for read in file.accumulations:
        register = registers.setdefault((read.point, read.suffix), _Register(read.unit))
        register.add(read.quantity, read.flag.method)
    return [
        {
            "point": point,
            "suffix": suffix,
            "unit": register.unit,
            "values": register.values,
            "blank": register.blank,
            "sum": format(register.total, "f"),
            "quality": dict(register.quality),
        }
        for (point, suffix), register in sorted(registers.items())
    ]
