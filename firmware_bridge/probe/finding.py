"""What was found at an address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from firmware_bridge.driver.interface import MeterIdentity, MeterValue, distinct
from firmware_bridge.driver.line import SerialAddress, TcpAddress
from firmware_bridge.driver.naming import NOT_CONFIGURED, host_of, is_named, named_values
from firmware_bridge.driver.telegram import Observation
from firmware_bridge.driver.toml_table import Setting, meter_table

# Says how far a search is; a person waits for it.
ReportProgress = Callable[[str], None]
_SEVEN = 7
# Comments, so that no placeholder is taken for a number.
_UNNAMED_NOTES = (
    "Its telegrams have no serial number, and the agent needs one. Add what the nameplate shows:",
    'serial = "<number on its nameplate>"',
    'manufacturer = "<its maker>"',
)


@dataclass(frozen=True, slots=True)
class Found:
    """A meter, or a device behind a broker.

    Args:
        protocol: The driver that reads it.
        where: Its line or broker, for people.
        meter: The device.
        values: What it showed, one of each code; empty where it encrypts and no key was given.
        settings: The driver's keys.
        notes: What a person must add.
        model: What it is called, for people.
        certain: Whether it said so itself, and not only that it could be.
        facts: Further keys for JSON.
    """

    protocol: str
    where: str
    meter: MeterIdentity
    values: tuple[MeterValue, ...]
    settings: Mapping[str, Setting]
    notes: tuple[str, ...] = ()
    model: str = ""
    certain: bool = True
    facts: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Manufacturer and serial."""
        return f"{self.meter.manufacturer}-{self.meter.serial}"

    def configuration(self) -> str:
        """The meter's table for the agent's configuration file."""
        notes = self.notes if is_named(self.meter) else (*self.notes, *_UNNAMED_NOTES)
        return meter_table(self.name, self.protocol, self.settings, notes)

    @classmethod
    def of(
        cls,
        protocol: str,
        place: TcpAddress | SerialAddress,
        seen: Iterable[Observation],
        settings: Mapping[str, Setting],
    ) -> Found:
        """What a telegram of a line says."""
        observed = tuple(seen)
        meter = host_of(observed, NOT_CONFIGURED)
        values, _ = distinct(named_values(observed, meter))
        return cls(protocol, str(place), meter, values, {**line_settings(place), **settings})


def line_settings(place: TcpAddress | SerialAddress) -> dict[str, Setting]:
    """The keys that say where a line begins."""
    if isinstance(place, TcpAddress):
        return {"host": place.host, "port": place.port}
    keys: dict[str, Setting] = {
        "serial_port": place.path,
        "baudrate": place.baudrate,
        "parity": place.parity,
    }
    return keys | ({"bytesize": _SEVEN} if place.bytesize == _SEVEN else {})
