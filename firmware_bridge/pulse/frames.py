"""Edges to pulses, and pulses to energy or volume: no clock, no hardware.

How it works: a pulse counts when its contact has been closed for the shortest width that S0
allows, so bouncing and coupled-in spikes do not count. The register is always computed from the
whole count, never added up, so a constant that divides unevenly loses nothing over time.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.quantity import Quantity, Unit

# EN 62053-31: an S0 pulse lasts at least 30 ms, and so does the pause; no bounce lasts half of it.
WIDTH_MIN_NS = 15_000_000
EXPONENT = -3


@dataclass(slots=True)
class PulseCounter:
    """Counts closed contacts.

    Args:
        count: Pulses so far.
        width_min_ns: Shorter closures are bounce. [ns]
    """

    count: int = 0
    width_min_ns: int = WIDTH_MIN_NS
    _closed_at: int | None = None

    def edge(self, at_ns: int, *, closed: bool) -> bool:
        """Take an edge.

        Args:
            at_ns: The kernel's monotonic time of it. [ns]
            closed: Whether the contact closed or opened.

        Returns:
            Whether it completed a pulse.
        """
        if closed:
            if self._closed_at is None:
                self._closed_at = at_ns
            return False
        began, self._closed_at = self._closed_at, None
        if began is None or at_ns - began < self.width_min_ns:
            return False
        self.count += 1
        return True


@dataclass(frozen=True, slots=True)
class PulseConstant:
    """The constant on the plate.

    Args:
        pulses: Ke or Kt: pulses per `per`.
        per: What so many pulses are: 1 kWh, 1 m3. A whole number of base units.
        unit: Base unit of the register.

    Raises:
        InvalidValueError: A number is below 1.
    """

    pulses: int
    per: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.pulses < 1 or self.per < 1:
            message = "The pulse constant is not a positive number."
            raise InvalidValueError(message, value=self.pulses)

    def register(self, count: int) -> Quantity:
        """The register after so many pulses, rounded down to a thousandth of the unit."""
        mantissa = count * self.per * 10**-EXPONENT // self.pulses
        return Quantity(mantissa, EXPONENT, self.unit)
