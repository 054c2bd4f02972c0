"""A meter whose counters are a factor away from what its telegrams say, read as they should be.

Some meters count in another unit after a change of firmware, and nothing in the telegram tells. The
factor of the meter's table is applied to every value before anything else sees it: to the modulus
and to the entries of the load profile as well. Integers and decimals only; no digit is lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from types import TracebackType
from typing import Self

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Reading
from firmware_bridge.driver.interface import (
    Absence,
    AbsentValue,
    MeterAnswerError,
    MeterDriver,
    MeterIdentity,
    MeterValue,
    ProfileChunk,
    ProfileMemory,
    ReadOut,
)

COUNTED = frozenset(
    {
        Unit.WATT_HOUR,
        Unit.VAR_HOUR,
        Unit.VOLT_AMPERE_HOUR,
        Unit.LITRE,
        Unit.JOULE,
        Unit.COUNT,
    }
)


@dataclass(frozen=True, slots=True)
class CounterScale:
    """What a meter's table says of its counters.

    Args:
        factor: The true value over the one that the meter shows; above 0.
        codes: Registers that it holds for; empty: all that count energy, volume or pulses.
    """

    factor: Decimal
    codes: frozenset[Obis] = frozenset()

    def covers(self, obis: Obis, unit: Unit) -> bool:
        """Whether a register is scaled."""
        return obis in self.codes if self.codes else unit in COUNTED

    def quantity(self, shown: Quantity) -> Quantity:
        """The true value.

        Raises:
            InvalidValueError: It has more digits than a reading.
        """
        _, digits, power = self.factor.as_tuple()
        mantissa = shown.mantissa * int("".join(map(str, digits)))
        return Quantity(mantissa, shown.exponent + int(power), shown.unit)


class ScaledDriver:
    """A `MeterDriver` around another one; devices behind the meter's port are left as they are.

    Where one table is for many devices, as of a broker, all of them are scaled.

    Args:
        driver: Reads the meter.
        scale: Of its counters.
    """

    def __init__(self, driver: MeterDriver, scale: CounterScale) -> None:
        self._driver = driver
        self._scale = scale

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `MeterDriver.from_settings`; a scale belongs to the meter, and to no protocol."""
        raise NotImplementedError(settings)

    @property
    def has_profile(self) -> bool:
        """See `MeterDriver.has_profile`."""
        return self._driver.has_profile

    async def __aenter__(self) -> Self:
        await self._driver.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._driver.__aexit__(kind, error, trace)

    async def identify(self) -> MeterIdentity:
        """See `MeterDriver.identify`."""
        return await self._driver.identify()

    async def read(self) -> ReadOut:
        """See `MeterDriver.read`; a value that the factor makes too large is absent."""
        shown = await self._driver.read()
        values: list[MeterValue] = []
        absent = list(shown.absent)
        for value in shown.values:
            try:
                values.append(self._scaled(value, shown))
            except InvalidValueError:
                absent.append(AbsentValue(value.obis, Absence.OUT_OF_RANGE, b""))
        return replace(shown, values=tuple(values), absent=tuple(absent))

    async def profile_memory(self) -> ProfileMemory | None:
        """See `MeterDriver.profile_memory`."""
        return await self._driver.profile_memory()

    async def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:
        """See `MeterDriver.read_profile`."""
        chunks = self._driver.read_profile(interval)
        async with aclosing(chunks):  # type: ignore[type-var]
            async for chunk in chunks:
                yield replace(chunk, readings=tuple(map(self._entry, chunk.readings)))

    def _scaled(self, value: MeterValue, shown: ReadOut) -> MeterValue:
        # Where many devices speak, the table is about all of them; the one named is the last.
        behind = value.meter != shown.meter and not shown.several
        if behind or not self._scale.covers(value.obis, value.quantity.unit):
            return value
        modulus = None if value.modulus is None else self._scale.quantity(value.modulus)
        return replace(value, quantity=self._scale.quantity(value.quantity), modulus=modulus)

    def _entry(self, reading: Reading) -> Reading:
        unit = reading.channel.unit
        if not self._scale.covers(reading.channel.obis, unit):
            return reading
        try:
            true = self._scale.quantity(Quantity(reading.mantissa, reading.exponent, unit))
        except InvalidValueError as error:
            message = f"{reading.channel.obis} in the load profile is too large for its `scale`."
            raise MeterAnswerError(message) from error
        return replace(reading, mantissa=true.mantissa, exponent=true.exponent)
