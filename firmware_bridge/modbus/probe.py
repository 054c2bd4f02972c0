"""Find out which meter answers at a Modbus address.

Each known model that tells its serial number is tried in turn: its signature, that number, then all
its registers. Only reading requests are sent. A model whose registers the device refuses is ruled
out; of those that fit, the one with a signature counts, else the one with most registers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import groupby

from firmware_bridge.driver.interface import (
    Absence,
    DriverSettingError,
    MeterAnswerError,
    MeterRefusalError,
    MeterTimeoutError,
    ReadOut,
)
from firmware_bridge.driver.toml_table import Setting
from firmware_bridge.modbus.driver import ModbusDriver
from firmware_bridge.modbus.endpoint import Endpoint, SerialEndpoint, TcpEndpoint
from firmware_bridge.modbus.link import SharedLink
from firmware_bridge.modbus.profiles import load_profile, profile_names
from firmware_bridge.modbus.register_map import MeterProfile


@dataclass(frozen=True, slots=True)
class FittingModel:
    """A model that fits what answered.

    Args:
        endpoint: Where.
        unit_id: The device on the bus.
        profile: The model that fits.
        certain: Whether a signature says so, and not only that all its registers exist.
        read_out: What the device showed.
    """

    endpoint: Endpoint
    unit_id: int
    profile: str
    certain: bool
    read_out: ReadOut

    def settings(self) -> dict[str, Setting]:
        """The driver's keys for it."""
        return {
            **_address(self.endpoint),
            "unit_id": self.unit_id,
            "profile": self.profile,
        }


def _address(endpoint: Endpoint) -> dict[str, Setting]:
    if isinstance(endpoint, SerialEndpoint):
        return {
            "serial_port": endpoint.path,
            "baudrate": endpoint.baudrate,
            "parity": endpoint.parity,
            "stopbits": endpoint.stopbits,
        }
    if isinstance(endpoint, TcpEndpoint):
        framing: dict[str, Setting] = {"framing": "rtu"} if endpoint.rtu else {}
        return {"host": endpoint.host, "port": endpoint.port, **framing}
    return {}


async def probe(
    endpoint: Endpoint, units: Iterable[int], timeout_s: float
) -> AsyncIterator[FittingModel]:
    """Try every known model on each unit; the likeliest model of a unit comes first.

    Args:
        endpoint: Where the bus begins.
        units: Devices on the bus, 0 .. 255.
        timeout_s: Longest wait for a connection and for each answer. [s]

    Raises:
        MeterConnectionError: Nothing listens there.
    """
    profiles = sorted(
        (load_profile(name) for name in profile_names()),
        key=lambda profile: (not profile.is_certain, -len(profile.registers), profile.name),
    )
    async with SharedLink(endpoint):
        for unit in units:
            try:
                for profile in profiles:
                    read_out = await _fits(endpoint, unit, profile, timeout_s)
                    if read_out is None:
                        continue
                    certain = profile.is_certain
                    yield FittingModel(endpoint, unit, profile.name, certain, read_out)
                    if certain:
                        break
            except MeterTimeoutError:
                continue


async def _fits(
    endpoint: Endpoint, unit: int, profile: MeterProfile, timeout_s: float
) -> ReadOut | None:
    signature = profile.signature
    try:
        async with SharedLink(endpoint) as link:
            if signature is not None:
                words = await link.read(signature.span, unit, timeout_s)
                if words != signature.words:
                    return None
            # Without a signature the models whose registers are all there are those that fit.
            asked = () if profile.is_certain else profile.by_obis
            async with ModbusDriver(endpoint, unit, profile, timeout_s, registers=asked) as driver:
                read_out = await driver.read()
    except (MeterRefusalError, MeterAnswerError, DriverSettingError):
        return None
    return read_out if read_out.values and not _lacks(profile, read_out) else None


def _lacks(profile: MeterProfile, read_out: ReadOut) -> bool:
    """Whether the device refused a register that every one of the model has."""
    refused = {item.obis for item in read_out.absent if item.absence is Absence.REFUSED}
    return any(not profile.by_obis[obis].optional for obis in refused)


def unit_numbers(text: str) -> tuple[int, ...]:
    """The units in `1`, `1-5` or `1,3,7-9`, ascending.

    Raises:
        DriverSettingError: The text is no such list, or a unit is above 255.
    """
    numbers: set[int] = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers.update(range(int(first), int(last or first) + 1))
    except ValueError:
        numbers.clear()
    if not numbers or not 0 <= min(numbers) <= max(numbers) <= 0xFF:  # noqa: PLR2004 - one byte
        message = f"{text!r} is not a list of units."
        raise DriverSettingError(message, value=text, remedy="Write 1, 1-5 or 1,3,7-9.")
    return tuple(sorted(numbers))


def best(findings: Iterable[FittingModel]) -> tuple[FittingModel, ...]:
    """The likeliest finding of each unit."""
    grouped = groupby(findings, key=lambda finding: finding.unit_id)
    return tuple(next(group) for _, group in grouped)
