"""Register readings to usage, by differencing.

    equal reads                    zero
    higher                         the difference
    lower, rollover proven         the difference plus the modulus
    lower, and soon back again     a glitch: those readings are left out
    lower, and so it stays         a reset: the use in that step is unknown

A rollover is proven when the power it implies is at most 1.1 times the service capacity. A step
that is not known is no usage: VEE decides about its span.

Source: docs/reference/vee.md, "From register to usage"
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.exact import minus
from central.domain.metering.snap import Points

CAPACITY_MARGIN = Fraction(11, 10)
_MS_PER_HOUR = 3_600_000


class RegisterEventKind(StrEnum):
    """What a register did instead of counting up. Stored: never renamed."""

    ROLLOVER = "REGISTER_ROLLOVER"
    GLITCH = "REGISTER_GLITCH"
    RESET = "REGISTER_RESET"
    BACKWARD = "REGISTER_BACKWARD"


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """A step that is not a plain difference.

    Args:
        kind: What it is.
        from_ms: The reading before. [ms since 1970]
        until_ms: The reading at fault, or the first after it. [ms since 1970]
        before: Register before.
        after: Register after.
        exponent: Of both.
    """

    kind: RegisterEventKind
    from_ms: int
    until_ms: int
    before: int
    after: int
    exponent: int


@dataclass(frozen=True, slots=True)
class RolloverLimits:
    """What proves a rollover.

    Args:
        modulus: In the register's unit x 10 ** exponent of the points; None if not known.
        step_per_hour: The largest advance per hour that 1.1 x service capacity allows, in the
            register's unit x 10 ** exponent of the points; None if the capacity is not known.
    """

    modulus: int | None = None
    step_per_hour: Fraction | None = None

    def plausible(self, step: int, duration_ms: int) -> bool:
        """Whether the connection could have carried a step; False if unknown."""
        if self.step_per_hour is None or duration_ms <= 0:
            return False
        return Fraction(step * _MS_PER_HOUR, duration_ms) <= self.step_per_hour

    def impossible(self, step: int, duration_ms: int) -> bool:
        """Whether the connection certainly could not have carried a step."""
        return self.step_per_hour is not None and not self.plausible(step, duration_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Advances:
    """What a register advanced between the readings that count.

    Args:
        points: Without glitches.
        step: Advance after each point but the last; 0 where unknown.
        known: Whether that advance is known.
        events: What it did besides counting up.
    """

    points: Points
    step: NDArray[np.int64]
    known: NDArray[np.bool_]
    events: tuple[RegisterEvent, ...] = ()


def advances(points: Points, limits: RolloverLimits) -> Advances:
    """Difference one meter's register.

    Raises:
        RegisterOverflowError: A difference does not fit 64 bits.
    """
    step = minus(points.value[1:], points.value[:-1])
    if step.size == 0 or int(step.min()) >= 0:
        return Advances(points, step, np.ones(step.size, dtype=np.bool_))
    return _Walk(points, limits).run()


class _Walk:
    """The slow path: a register that went backwards somewhere."""

    def __init__(self, points: Points, limits: RolloverLimits) -> None:
        self.points = points
        self.limits = limits
        self.at: list[int] = points.at_ms.tolist()
        self.value: list[int] = points.value.tolist()
        self.kept: list[int] = [0]
        self.step: list[int] = []
        self.known: list[bool] = []
        self.events: list[RegisterEvent] = []

    def run(self) -> Advances:
        index = 1
        while index < len(self.value):
            index = self._take(index)
        kept = np.array(self.kept, dtype=np.int64)
        points = Points(
            self.points.at_ms[kept],
            self.points.value[kept],
            self.points.quality[kept],
            self.points.exponent,
        )
        return Advances(
            points,
            np.array(self.step, dtype=np.int64),
            np.array(self.known, dtype=np.bool_),
            tuple(self.events),
        )

    def _take(self, index: int) -> int:
        """Judge one reading against the last that counts; say which comes next."""
        last = self.kept[-1]
        step = self.value[index] - self.value[last]
        duration = self.at[index] - self.at[last]
        if step >= 0:
            return self._keep(index, step)
        modulus = self.limits.modulus
        if modulus is not None and self.limits.plausible(step + modulus, duration):
            self._note(RegisterEventKind.ROLLOVER, last, index)
            return self._keep(index, step + modulus)
        back = self._recovery(index)
        if back is not None:
            for glitch in range(index, back):
                self._note(RegisterEventKind.GLITCH, last, glitch)
            return back
        if self._last_is_spike(index):
            self.kept.pop()
            self.step.pop()
            self.known.pop()
            self._note(RegisterEventKind.GLITCH, self.kept[-1], last)
            return index
        self._note(
            RegisterEventKind.RESET if self.value[index] == 0 else RegisterEventKind.BACKWARD,
            last,
            index,
        )
        return self._keep(index, 0, known=False)

    def _keep(self, index: int, step: int, *, known: bool = True) -> int:
        self.kept.append(index)
        self.step.append(step)
        self.known.append(known)
        return index + 1

    def _recovery(self, index: int) -> int | None:
        """The reading at which the register is back where it was, if it stood still till then.

        A register that counts meanwhile has a new base: that is a reset.
        """
        last = self.kept[-1]
        for later in range(index + 1, len(self.value)):
            if self.value[later] >= self.value[last]:
                step = self.value[later] - self.value[last]
                if self.limits.impossible(step, self.at[later] - self.at[last]):
                    return None
                return later
            if self.value[later] != self.value[index]:
                return None
        return None

    def _last_is_spike(self, index: int) -> bool:
        """Whether the last reading that counts was an impossible leap, undone at `index`."""
        if len(self.kept) < 2:  # noqa: PLR2004 - a leap needs a reading before it
            return False
        before, last = self.kept[-2], self.kept[-1]
        leap = self.value[last] - self.value[before]
        return self.value[index] >= self.value[before] and self.limits.impossible(
            leap, self.at[last] - self.at[before]
        )

    def _note(self, kind: RegisterEventKind, before: int, after: int) -> None:
        self.events.append(
            RegisterEvent(
                kind,
                self.at[before],
                self.at[after],
                self.value[before],
                self.value[after],
                self.points.exponent,
            )
        )
