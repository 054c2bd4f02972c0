"""The validated day block: one channel's local day, packed; the only thing that is billed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import repeat
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.errors import BlockError, IntervalSumError
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.slotted import slotted
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import to_ms

_VALUES = np.dtype("<i8")
_QUALITY = np.dtype("u1")
_SUM_SAFE = 2**63 - 1
_MISSING = int(IntervalQuality.MISSING)
_UNCOUNTED = -1


@dataclass(frozen=True, slots=True, eq=False)
class DayBlock:
    """The validated consumption of one channel over one local day.

    A block is never changed: a correction is the same day under the next version. Two blocks are
    equal when content and version are; `sha256` covers the content alone, so that a validation
    which finds nothing new is recognised.

    Args:
        channel_id: The channel, as the store numbers it.
        day: The local date.
        zone: IANA zone of the service point.
        start: First instant of the day. Aware, UTC.
        period_s: Length of every interval; of a daily channel's only one that of the local day. [s]
        exponent: Decimal exponent of all values.
        unit: Unit of all values.
        values: Consumption per interval, ascending in time, int64; `NULL` where missing.
            [unit x 10 ** exponent]
        quality: One `IntervalQuality` per interval, uint8.
        version: From 1.
        sha256: Of the content: everything but the version. Made here, 32 bytes.

    Raises:
        BlockError: Values and qualities differ in number, there is none, `start` is naive, or a
            missing interval has a value (or a present one has none).
    """

    SHA_DOMAIN: ClassVar[str] = "meterline.day-block.v1"

    channel_id: int
    day: date
    zone: str
    start: datetime
    period_s: int
    exponent: int
    unit: Unit
    values: NDArray[np.int64]
    quality: NDArray[np.uint8]
    version: int = 1
    sha256: bytes = field(init=False, repr=False)
    _missing: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            message = f"The block of {self.day} starts at a time without a time zone."
            raise BlockError(message, value=self.start)
        values = np.ascontiguousarray(self.values, dtype=np.int64)
        quality = np.ascontiguousarray(self.quality, dtype=np.uint8)
        if values.shape != quality.shape or values.ndim != 1 or values.size == 0:
            message = f"The block of {self.day} has {values.size} values, {quality.size} qualities."
            raise BlockError(message, value=(values.shape, quality.shape))
        is_missing = quality == _MISSING
        if not np.array_equal(values == NULL, is_missing):
            message = f"The block of {self.day} marks an interval missing that has a value."
            raise BlockError(message, value=self.day)
        values = values.view()
        quality = quality.view()
        values.flags.writeable = False
        quality.flags.writeable = False
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "quality", quality)
        object.__setattr__(self, "_missing", int(np.count_nonzero(is_missing)))
        digest = hashlib.sha256(self._heading())
        digest.update(self.pack_values())
        digest.update(self.pack_quality())
        object.__setattr__(self, "sha256", digest.digest())

    @property
    def end(self) -> datetime:
        """The first instant after the last interval."""
        return self.start + len(self.values) * timedelta(seconds=self.period_s)

    @property
    def interval(self) -> Interval:
        """The day, half-open."""
        return Interval(self.start, self.end)

    @property
    def missing(self) -> int:
        """How many intervals are missing."""
        if self._missing == _UNCOUNTED:
            missing = int(np.count_nonzero(self.quality == _MISSING))
            object.__setattr__(self, "_missing", missing)
        return self._missing

    def _heading(self) -> bytes:
        facts = (
            self.SHA_DOMAIN,
            self.channel_id,
            self.day.isoformat(),
            self.zone,
            to_ms(self.start),
            self.period_s,
            self.exponent,
            self.unit.value,
            len(self.values),
        )
        return "|".join(map(str, facts)).encode() + b"\n"

    def total(self) -> int:
        """The exact sum of the day, in unit x 10 ** exponent.

        Raises:
            IntervalSumError: An interval is missing, so that there is no sum.
        """
        if self.missing:
            message = f"{self.missing} intervals of {self.day} are missing; the day has no sum."
            raise IntervalSumError(message, value=self.day)
        return exact_sum(self.values)

    def pack_values(self) -> bytes:
        """The values as little-endian int64."""
        return self.values.astype(_VALUES, copy=False).tobytes()

    def pack_quality(self) -> bytes:
        """The qualities, a byte each."""
        return self.quality.tobytes()

    @classmethod
    def unpack(  # noqa: PLR0913 - a row of the store, column by column
        cls,
        *,
        channel_id: int,
        day: date,
        zone: str,
        start: datetime,
        period_s: int,
        exponent: int,
        unit: Unit,
        values: bytes,
        quality: bytes,
        version: int,
    ) -> Self:
        """The block that was packed.

        Raises:
            BlockError: The bytes are no whole number of values, or fit no block.
        """
        if len(values) != _VALUES.itemsize * len(quality):
            message = f"The packed block of {day} is damaged: {len(values)} bytes of values."
            raise BlockError(message, value=day)
        return cls(
            channel_id=channel_id,
            day=day,
            zone=zone,
            start=start,
            period_s=period_s,
            exponent=exponent,
            unit=unit,
            values=np.frombuffer(values, dtype=_VALUES),
            quality=np.frombuffer(quality, dtype=_QUALITY),
            version=version,
        )

    @classmethod
    def kept(  # noqa: PLR0913 - a column each
        cls,
        *,
        channel_ids: Iterable[int],
        days: Iterable[date],
        zones: Iterable[str],
        starts: Iterable[datetime],
        periods: Iterable[int],
        exponents: Iterable[int],
        units: Iterable[Unit],
        versions: Iterable[int],
        values: Sequence[NDArray[np.int64]],
        quality: Iterable[NDArray[np.uint8]],
        sha256: Iterable[bytes],
    ) -> list[Self]:
        """The blocks that a store keeps, believed as they were checked when made.

        For reading hundreds of thousands: nothing is checked again, and the hashes are those that
        were stored. `verified` says whether one is true.

        Args:
            channel_ids: The channel of each block.
            days: Its local date.
            zones: IANA zone of its service point.
            starts: Its first instant, UTC.
            periods: Length of its intervals. [s]
            exponents: Decimal exponent of its values.
            units: Unit of its values.
            versions: Its version, from 1.
            values: Its values, not to be written to.
            quality: Its qualities, not to be written to.
            sha256: As stored, 32 bytes each.
        """
        slots: dict[str, Iterable[object]] = {
            "channel_id": channel_ids,
            "day": days,
            "zone": zones,
            "start": starts,
            "period_s": periods,
            "exponent": exponents,
            "unit": units,
            "values": values,
            "quality": quality,
            "version": versions,
            "sha256": sha256,
            "_missing": repeat(_UNCOUNTED),
        }
        return slotted(cls, slots, len(values))

    @property
    def verified(self) -> bool:
        """Whether the content has the hash that the block goes by."""
        return replace(self).sha256 == self.sha256

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DayBlock):
            return NotImplemented
        return self.version == other.version and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash((self.sha256, self.version))


def exact_sum(values: NDArray[np.int64]) -> int:
    """The sum of int64 values, exact however large.

    numpy wraps silently; where the bound does not rule that out, Python's integers add.
    """
    if values.size == 0:
        return 0
    largest = max(abs(int(values.max())), abs(int(values.min())))
    if largest * values.size <= _SUM_SAFE:
        return int(values.sum())
    return sum(values.tolist())
