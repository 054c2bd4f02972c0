"""The interface between agent and drivers: what the agent asks of a meter in any protocol.

A driver says *what* a meter showed; the agent decides *when*, since only it knows how far its
clock can be trusted. So a live value has a time only where the meter gives its own, while entries
of a load profile always carry the meter's time.

A pushed protocol fits the same shape: its driver keeps the last whole telegram, and `read` hands
it over with the meter's time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from firmware_bridge.contract.errors import ConfigurationError, DeviceError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity
from firmware_bridge.contract.reading import Channel, Kind, Quality, Reading, Source, TimeQuality


class MeterConnectionError(DeviceError):
    """Nothing listens at the meter's address, or it closed the connection."""

    code = "METER_CONNECTION"
    retryable = True


class MeterTimeoutError(DeviceError):
    """The meter is connected but did not answer within its time limit."""

    code = "METER_TIMEOUT"
    retryable = True


class MeterOfflineError(DeviceError):
    """The broker between gateway and device reports the device as offline, by its last will."""

    code = "METER_OFFLINE"
    retryable = True


class MeterStaleError(DeviceError):
    """The broker sent only old, retained values."""

    code = "METER_STALE"
    retryable = True


class MeterAnswerError(DeviceError):
    """The answer does not follow the protocol: garbled, of a wrong length, or from another unit."""

    code = "METER_ANSWER"
    retryable = True


class TransactionMismatchError(MeterAnswerError):
    """The answer belongs to another request, so the connection was dropped."""

    code = "TRANSACTION_MISMATCH"


class MeterRefusalError(DeviceError):
    """The meter understood the request and refused it, for instance an address it does not have."""

    code = "METER_REFUSAL"


class MeterBusyError(MeterRefusalError):
    """The meter understood the request and asks for it again later."""

    code = "METER_BUSY"
    retryable = True


class MeterExchangedError(DeviceError):
    """Another device turned up at the address while its load profile was being read."""

    code = "METER_EXCHANGED"
    retryable = True


class DriverSettingError(ConfigurationError):
    """A setting of a driver is missing, unknown or out of range."""

    code = "DRIVER_SETTING"


class UnknownProtocolError(ConfigurationError):
    """No installed driver speaks that protocol."""

    code = "UNKNOWN_PROTOCOL"


@dataclass(frozen=True, slots=True, order=True)
class MeterIdentity:
    """The device itself, as its plate names it.

    Args:
        manufacturer: As `Channel.manufacturer`.
        serial: As `Channel.serial`.
        model: For people; no part of a channel's identity.
    """

    manufacturer: str
    serial: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class MeterValue:
    """One value that a meter showed.

    Args:
        meter: The device that counted; a gas meter behind a P1 port is not the port's meter.
        obis: What was counted.
        kind: A counter, or the consumption of an interval of `period_s`.
        quantity: The exact value and its unit.
        quality: What the device says of it.
        meter_time: The meter's own time of it, aware; None where the meter gives none.
        period_s: Length of an INTERVAL value, or how often a pushing meter renews this value;
            0 where the agent's poll interval applies. [s]
        modulus: What the counter counts to before it starts again at 0, where the meter's model
            says; None if unknown.
        approximate: Whether the device sent it as a float, so that an integer of the same code
            says more.
        sampled: `meter_time` is when the value was sampled and may be long ago, as a gas meter's
            hourly value behind a P1 port; otherwise it is the meter's clock at sending.
        meter_clock: What the meter's clock showed at sending, where `sampled` and it told.
        age_s: How long before it was handed over it came. [s]
        kept: Somebody between kept it, such as a broker; it is a present value only if its own time
            says so.
        sender: The topic of the device that published it; empty where a place has one device only,
            or the device's address is in its messages.
    """

    meter: MeterIdentity
    obis: Obis
    kind: Kind
    quantity: Quantity
    quality: Quality = Quality.ACTUAL
    meter_time: datetime | None = None
    period_s: int = 0
    modulus: Quantity | None = None
    approximate: bool = False
    sampled: bool = False
    meter_clock: datetime | None = None
    age_s: float = 0.0
    kept: bool = False
    sender: str = ""

    @property
    def register(self) -> tuple[object, ...]:
        """Names what was counted, and who says so: no read-out holds it twice."""
        own = (self.meter.manufacturer, self.meter.serial, self.obis, self.kind, self.sender)
        return own if self.kind is Kind.REGISTER else (*own, self.period_s, self.meter_time)

    def reading(self, at: datetime, period_s: int, time_quality: TimeQuality) -> Reading:
        """The value as a live reading.

        Args:
            at: The agent's instant; used only where the meter gave no time of its own.
            period_s: The agent's poll interval; used where the value names none. [s]
            time_quality: How far `at` can be trusted.
        """
        channel = Channel(
            manufacturer=self.meter.manufacturer,
            serial=self.meter.serial,
            obis=self.obis,
            kind=self.kind,
            period_s=self.period_s or period_s,
            source=Source.LIVE,
            unit=self.quantity.unit,
        )
        reading = Reading(
            channel, at, self.quantity.mantissa, self.quantity.exponent, self.quality, time_quality
        )
        if self.meter_time is None:
            return reading
        return replace(reading, at=self.meter_time, time_quality=TimeQuality.METER)


class Absence(StrEnum):
    """Why a register has no value, as a stable code."""

    NOT_AVAILABLE = "not_available"
    NOT_A_NUMBER = "not_a_number"
    INFINITE = "infinite"
    OUT_OF_RANGE = "out_of_range"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AbsentValue:
    """A register that was asked for and gave no value: a finding, never a reading.

    Args:
        obis: What would have been counted.
        absence: Why there is no value.
        raw: The register's bytes; empty where the device refused it.
    """

    obis: Obis
    absence: Absence
    raw: bytes


def distinct(
    values: Iterable[MeterValue],
) -> tuple[tuple[MeterValue, ...], tuple[MeterValue, ...]]:
    """One value of each register, and what else was shown under its code.

    An integer goes before a float, whose digits or unit may be others, and the first before the
    second.

    Args:
        values: Of one telegram or answer, in its order.

    Returns:
        What counts, in order, and the rest.
    """
    kept: dict[tuple[object, ...], MeterValue] = {}
    rest: list[MeterValue] = []
    for value in values:
        first = kept.get(value.register)
        if first is None or (first.approximate and not value.approximate):
            kept[value.register] = value
            rest += [] if first is None else [first]
        else:
            rest.append(value)
    return tuple(kept.values()), tuple(rest)


@dataclass(frozen=True, slots=True)
class RefusedTelegrams:
    """Telegrams that were refused for one reason beside what was read.

    Args:
        code: The reason's.
        message: Of the last one, as a sentence.
        raw: Its bytes.
        count: How many.
        sender: The topic they came from, as `MeterValue.sender`; the message names it, too.
    """

    code: str
    message: str
    raw: bytes
    count: int = 1
    sender: str = ""


@dataclass(frozen=True, slots=True)
class ReadOut:
    """The outcome of one live read, which holds no register twice, whatever the driver says.

    Args:
        meter: The device that answered.
        values: What it showed.
        absent: What it holds no value for.
        replaced: The device that this driver met at the same address before, if another one.
        repeated: Further values under the code of one in `values`: findings, never readings.
        offline: Names of devices that are said to be offline and gave nothing, ascending.
        refused: What came since the last read and gave nothing, by reason.
        several: Many devices speak there, so that another one is no exchange.
    """

    meter: MeterIdentity
    values: tuple[MeterValue, ...]
    absent: tuple[AbsentValue, ...] = ()
    replaced: MeterIdentity | None = None
    repeated: tuple[MeterValue, ...] = ()
    offline: tuple[str, ...] = ()
    refused: tuple[RefusedTelegrams, ...] = ()
    several: bool = False

    def __post_init__(self) -> None:
        kept, rest = distinct(self.values)
        if rest:
            object.__setattr__(self, "values", kept)
            object.__setattr__(self, "repeated", (*self.repeated, *rest))


@dataclass(frozen=True, slots=True)
class ProfileMemory:
    """What a meter's load profile holds at the moment.

    Args:
        meter: The device that keeps it.
        period_s: Distance between entries. [s]
        held: From the oldest entry's time to one period after the newest entry's; empty where
            nothing is held yet.
        clock: What the meter's clock shows now, aware; None where it does not tell.
    """

    meter: MeterIdentity
    period_s: int
    held: Interval
    clock: datetime | None = None

    @property
    def newest(self) -> datetime:
        """The newest entry's time, where one is held."""
        return self.held.end - timedelta(seconds=self.period_s)


@dataclass(frozen=True, slots=True)
class ProfileChunk:
    """A bounded part of a load profile's answer.

    Args:
        covers: The part of the asked interval that is answered by this chunk: an entry in it that
            is not among the readings is not in the meter's memory. Chunks ascend without gaps.
        readings: Ascending in time; Source.PROFILE, TimeQuality.METER.
    """

    covers: Interval
    readings: tuple[Reading, ...]


class MeterDriver(Protocol):
    """One meter, or one port with its sub-meters.

    Entering the context starts no traffic, so that a dead meter cannot hold up an agent; the first
    read connects, and a read after a failure connects again. Leaving closes. Calls of one driver
    are serialised by it. Every call ends within the driver's time limit, by an answer or by a
    `DeviceError`.
    """

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as the agent's configuration describes it.

        Args:
            settings: The meter's table of the configuration, without `name` and `protocol`.

        Raises:
            DriverSettingError: A setting is missing, unknown or out of range.
        """
        ...

    @property
    def has_profile(self) -> bool:
        """Whether the meter keeps a load profile, as far as its model tells."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def identify(self) -> MeterIdentity:
        """Ask the device who it is.

        Raises:
            DeviceError: It does not answer, or wrongly.
        """
        ...

    async def read(self) -> ReadOut:
        """Read all registers of the meter's model now.

        Raises:
            DeviceError: It does not answer, or wrongly. Nothing is returned then.
        """
        ...

    async def profile_memory(self) -> ProfileMemory | None:
        """What the load profile holds now; None where the meter keeps none.

        Raises:
            DeviceError: It does not answer, or wrongly.
        """
        ...

    def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:
        """Read the load profile's entries whose time lies in `interval`, ascending.

        Reading only; two gateways may do it at once. The union of the chunks' `covers` is
        `interval` cut at the first instant after the newest entry. Empty where the meter keeps no
        profile.

        Raises:
            DeviceError: It does not answer, or wrongly; chunks already yielded stand.
        """
        ...
