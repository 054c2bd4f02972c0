"""The readings of one channel of a meter, as columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.errors import SeriesError
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, Quality, Source, TimeQuality


@dataclass(frozen=True, slots=True, eq=False)
class ReadingSeries:
    """Readings of one device channel, ascending in time, the newest revision of each.

    Args:
        kind: Counter or interval.
        source: Live or the meter's own profile.
        period_s: As the device's channel says; 0 is irregular. [s]
        unit: Unit of the values.
        at_ms: Instant, or start of the interval, int64. [ms since 1970]
        mantissa: int64.
        exponent: Decimal exponent of each mantissa, int16.
        flags: `pack_flags` of each, uint8.

    Raises:
        SeriesError: The columns differ in length, or time does not ascend.
    """

    kind: Kind
    source: Source
    period_s: int
    unit: Unit
    at_ms: NDArray[np.int64]
    mantissa: NDArray[np.int64]
    exponent: NDArray[np.int16]
    flags: NDArray[np.uint8]

    def __post_init__(self) -> None:
        lengths = {len(self.at_ms), len(self.mantissa), len(self.exponent), len(self.flags)}
        if len(lengths) != 1:
            message = f"Columns of one channel have {sorted(lengths)} rows."
            raise SeriesError(message, value=lengths)
        if len(self.at_ms) > 1 and int(np.diff(self.at_ms).min()) <= 0:
            message = "Readings of one channel do not ascend in time."
            raise SeriesError(message, value=int(self.at_ms[0]))

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[int, int, int, int]],
        *,
        kind: Kind = Kind.REGISTER,
        source: Source = Source.PROFILE,
        period_s: int = 900,
        unit: Unit = Unit.WATT_HOUR,
    ) -> ReadingSeries:
        """A series of (at_ms, mantissa, exponent, flags) rows.

        Raises:
            SeriesError: Time does not ascend.
        """
        table = np.array(list(rows), dtype=np.int64).reshape(-1, 4)
        return cls(
            kind=kind,
            source=source,
            period_s=period_s,
            unit=unit,
            at_ms=table[:, 0].copy(),
            mantissa=table[:, 1].copy(),
            exponent=table[:, 2].astype(np.int16),
            flags=table[:, 3].astype(np.uint8),
        )

    @property
    def quality(self) -> NDArray[np.uint8]:
        """What the device says of each value."""
        return self.flags & np.uint8(0x0F)

    @property
    def unsynchronised(self) -> NDArray[np.bool_]:
        """Which readings have a time that is not synchronised."""
        mask: NDArray[np.bool_] = self.flags >> np.uint8(4) == np.uint8(TimeQuality.UNSYNCHRONISED)
        return mask

    @property
    def meter_time(self) -> NDArray[np.bool_]:
        """Which readings the meter's own clock dated."""
        mask: NDArray[np.bool_] = self.flags >> np.uint8(4) == np.uint8(TimeQuality.METER)
        return mask

    @property
    def suspect(self) -> NDArray[np.bool_]:
        """Which readings the device itself doubts."""
        mask: NDArray[np.bool_] = self.quality == np.uint8(Quality.SUSPECT)
        return mask

    def where(self, mask: NDArray[np.bool_]) -> ReadingSeries:
        """The readings that a mask keeps."""
        return self if bool(mask.all()) else self._only(mask)

    def between(self, from_ms: int, until_ms: int) -> ReadingSeries:
        """The readings at `from_ms` .. `until_ms`, both included (a closing read is at the end)."""
        low = int(np.searchsorted(self.at_ms, from_ms, side="left"))
        high = int(np.searchsorted(self.at_ms, until_ms, side="right"))
        return self if high - low == len(self.at_ms) else self._only(slice(low, high))

    def _only(self, chosen: slice | NDArray[np.bool_]) -> ReadingSeries:
        return ReadingSeries(
            self.kind,
            self.source,
            self.period_s,
            self.unit,
            self.at_ms[chosen],
            self.mantissa[chosen],
            self.exponent[chosen],
            self.flags[chosen],
        )


def mantissa_of(value: Decimal, exponent: int, unit: Unit) -> int:
    """A written read as a mantissa at an exponent.

    Raises:
        InvalidValueError: Digits would be lost.
    """
    return Quantity.from_decimal(value, unit).at_exponent(exponent)


def decimal_exponent(value: Decimal) -> int:
    """The exponent at which a finite decimal's last digit stands."""
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
