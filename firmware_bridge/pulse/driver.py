"""A meter with an S0 output on a GPIO line: the kernel's edge events, counted and kept.

The count is stored at every read, before its value is handed over, and on leaving. Pulses between
the last read and a power cut are lost, as they are for every counter that does not wear out its
card; the meter's own register tells them at the next inspection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import SERIAL_MAX, Kind
from firmware_bridge.driver.interface import (
    DriverSettingError,
    MeterConnectionError,
    MeterIdentity,
    MeterValue,
    ProfileChunk,
    ProfileMemory,
    ReadOut,
)
from firmware_bridge.pulse.count_file import load_count, store_count
from firmware_bridge.pulse.frames import WIDTH_MIN_NS, PulseConstant, PulseCounter

_PER = {"kWh": (1000, Unit.WATT_HOUR), "m3": (1000, Unit.LITRE), "L": (1, Unit.LITRE)}
_Name = Annotated[str, StringConstraints(pattern=r"^[ -~]+$", max_length=SERIAL_MAX)]


class Edges(Protocol):
    """A line whose edges can be waited for."""

    def fileno(self) -> int:
        """Readable when edges wait."""
        ...

    def read(self) -> Iterable[tuple[int, bool]]:
        """The waiting edges: monotonic time in ns, and whether the contact closed."""
        ...

    def close(self) -> None:
        """Give the line up."""
        ...


class PulseSettings(BaseModel):
    """What a pulse output needs.

    Args:
        chip: GPIO character device.
        line: Number of the line on it.
        pulses: Ke or Kt of the plate: pulses per `per`.
        per: kWh, m3 or L.
        count_file: Where the count is kept.
        manufacturer: Of the meter, which cannot tell it.
        serial: The number on its plate.
        obis: What it counts.
        width_ms: Shortest closure that counts. [ms]
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    chip: str = "/dev/gpiochip0"
    line: Annotated[int, Field(ge=0)]
    pulses: Annotated[int, Field(ge=1)]
    per: Literal["kWh", "m3", "L"] = "kWh"
    count_file: Path
    manufacturer: _Name = "S0"
    serial: _Name
    obis: str = "1-0:1.8.0"
    width_ms: Annotated[float, Field(gt=0, le=1000)] = WIDTH_MIN_NS / 1e6


class PulseDriver:
    """A `MeterDriver`; keys of its table as in `PulseSettings`.

    Args:
        settings: As configured.
        open_edges: Opens the line; libgpiod's unless a test gives another.

    Raises:
        InvalidValueError: The OBIS code is none.
    """

    def __init__(self, settings: PulseSettings, open_edges: Callable[[], Edges]) -> None:
        per, unit = _PER[settings.per]
        self._constant = PulseConstant(settings.pulses, per, unit)
        self._meter = MeterIdentity(settings.manufacturer, settings.serial)
        self._obis = Obis.parse(settings.obis)
        self._file = settings.count_file
        self._width_ns = int(settings.width_ms * 1_000_000)
        self._open_edges = open_edges
        self._counter: PulseCounter | None = None
        self._edges: Edges | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        try:
            chosen = PulseSettings.model_validate(dict(settings))
            return cls(chosen, lambda: _gpio_edges(chosen.chip, chosen.line))
        except (ValidationError, InvalidValueError) as error:
            known = ", ".join(PulseSettings.model_fields)
            text = str(error).splitlines()
            message = f"Pulse settings: {'; '.join(line.strip() for line in text[:3])}."
            raise DriverSettingError(message, remedy=f"Known settings: {known}.") from error

    @property
    def has_profile(self) -> bool:
        """A pulse output keeps nothing."""
        return False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        edges, self._edges = self._edges, None
        if edges is not None:
            asyncio.get_running_loop().remove_reader(edges.fileno())
            edges.close()
        if self._counter is not None:
            store_count(self._file, self._counter.count)

    async def identify(self) -> MeterIdentity:
        """The plate, as configured: a contact cannot tell it."""
        return self._meter

    async def read(self) -> ReadOut:
        """The register, stored before it is handed over; see `MeterDriver.read`.

        Raises:
            MeterConnectionError: The line is unavailable.
            CountFileError: The stored count cannot be read.
            CountNotStoredError: The disk does not take the count.
        """
        counter = self._counting()
        store_count(self._file, counter.count)
        quantity = self._constant.register(counter.count)
        return ReadOut(self._meter, (MeterValue(self._meter, self._obis, Kind.REGISTER, quantity),))

    async def profile_memory(self) -> ProfileMemory | None:
        """None is kept."""
        return None

    async def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:  # noqa: ARG002 - see `MeterDriver`
        """None is kept."""
        nothing: tuple[ProfileChunk, ...] = ()
        for chunk in nothing:
            yield chunk

    def _counting(self) -> PulseCounter:
        if self._counter is None:
            self._counter = PulseCounter(load_count(self._file), self._width_ns)
        if self._edges is None:
            self._edges = self._open_edges()
            asyncio.get_running_loop().add_reader(self._edges.fileno(), self._on_edges)
        return self._counter

    def _on_edges(self) -> None:
        if self._edges is not None and self._counter is not None:
            for at_ns, closed in self._edges.read():
                self._counter.edge(at_ns, closed=closed)


def _gpio_edges(chip: str, line: int) -> Edges:
    try:
        import gpiod  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - only where there are pulses
    except ImportError as error:
        message = "Pulse counting needs libgpiod's Python package, which is not installed."
        raise MeterConnectionError(message, value=chip, remedy="Install gpiod.") from error
    settings = gpiod.LineSettings(
        edge_detection=gpiod.line.Edge.BOTH,
        bias=gpiod.line.Bias.PULL_UP,
        active_low=True,
        debounce_period=timedelta(milliseconds=1),
    )
    try:
        request = gpiod.request_lines(chip, consumer="meterline", config={line: settings})
    except (OSError, ValueError) as error:
        message = f"Line {line} of {chip} is unavailable: {error}."
        raise MeterConnectionError(message, value=chip) from error
    return _GpioEdges(request)


class _GpioEdges:
    """A requested line of libgpiod 2; with `active_low` a closed contact is a rising edge."""

    def __init__(self, request: Any) -> None:  # noqa: ANN401 - libgpiod ships no types
        self._request = request

    def fileno(self) -> int:
        return int(self._request.fd)

    def read(self) -> Iterable[tuple[int, bool]]:
        for event in self._request.read_edge_events():
            yield int(event.timestamp_ns), event.event_type is event.Type.RISING_EDGE

    def close(self) -> None:
        self._request.release()
