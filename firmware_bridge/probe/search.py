"""What is tried at an address, and in which order.

Modbus is asked first, since its answer comes at once. Then the line is listened to for a moment:
where somebody speaks it is heard out; where nobody does, optical heads and M-Bus slaves are asked,
and the line is listened to for as long as meters pause between pushes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.line import SerialAddress, TcpAddress
from firmware_bridge.driver.telegram import Keys
from firmware_bridge.modbus.endpoint import Endpoint, SerialEndpoint, TcpEndpoint
from firmware_bridge.modbus.probe import FittingModel, best
from firmware_bridge.modbus.probe import probe as try_models
from firmware_bridge.probe import mbus_search
from firmware_bridge.probe.finding import Found, ReportProgress
from firmware_bridge.probe.polled import ask_optical
from firmware_bridge.probe.pushed import PROTOCOLS as HEARD
from firmware_bridge.probe.pushed import probe_pushed

POLLED = frozenset({"modbus", "iec62056_21", "mbus"})
PROTOCOLS = HEARD | POLLED
MODBUS_SPEEDS: tuple[tuple[int, str], ...] = (
    (9600, "N"),
    (19_200, "E"),
    (19_200, "N"),
    (9600, "E"),
)
_MOMENT_S = 2.5


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for on a line.

    Args:
        protocols: Of `PROTOCOLS`.
        units: Modbus units to ask.
        addresses: M-Bus addresses to ask in any case; None: all, where anybody answers.
        listen_s: How long a line is listened to at each speed. [s]
        timeout_s: Longest wait for an answer. [s]
        keys: Of meters that encrypt.
        baudrate: The only speed to try; None: the usual ones.
        parity: With it.
    """

    protocols: frozenset[str] = PROTOCOLS
    units: tuple[int, ...] = (1,)
    addresses: tuple[int, ...] | None = None
    listen_s: float = 12.0
    timeout_s: float = 1.0
    keys: Keys = field(default_factory=Keys)
    baudrate: int | None = None
    parity: str | None = None

    async def run(self, place: TcpAddress | SerialAddress, report: ReportProgress) -> list[Found]:
        """What is at a line; the first kind of meter that answers ends the search.

        Raises:
            MeterConnectionError: The line cannot be opened.
        """
        (await place.open(max(self.timeout_s, 1.0))).close()
        tried: tuple[Callable[[], AsyncIterator[Found]], ...] = (
            lambda: self._modbus(place, report),
            lambda: self._listen(place, report, min(_MOMENT_S, self.listen_s)),
            lambda: self._optical(place, report),
            lambda: self._mbus(place, report),
            lambda: self._listen(place, report, None),
        )
        for attempt in tried:
            found = [one async for one in attempt()]
            if found:
                return found
        return []

    def _serial(self, place: SerialAddress, baudrate: int, parity: str) -> SerialAddress:
        return replace(place, baudrate=self.baudrate or baudrate, parity=self.parity or parity)

    async def _modbus(
        self, place: TcpAddress | SerialAddress, report: ReportProgress
    ) -> AsyncIterator[Found]:
        if "modbus" not in self.protocols:
            return
        for endpoint in self._endpoints(place):
            report(f"Polling Modbus units at {endpoint} ...")
            try:
                found = [one async for one in try_models(endpoint, self.units, self.timeout_s)]
            except DeviceError:
                continue
            for one in best(found):
                yield modbus_found(one)
            if found:
                return

    def _endpoints(self, place: TcpAddress | SerialAddress) -> list[Endpoint]:
        if isinstance(place, TcpAddress):
            return [TcpEndpoint(place.host, place.port)]
        speeds = MODBUS_SPEEDS
        if self.baudrate is not None:
            speeds = ((self.baudrate, self.parity or "N"),)
        return [SerialEndpoint(place.path, speed, parity, 1) for speed, parity in speeds]

    async def _listen(
        self, place: TcpAddress | SerialAddress, report: ReportProgress, silence_s: float | None
    ) -> AsyncIterator[Found]:
        wanted = self.protocols & HEARD
        if not wanted:
            return
        at = place
        if isinstance(place, SerialAddress) and self.baudrate is not None:
            at = self._serial(place, self.baudrate, "N")
        any_speed = self.baudrate is None
        for one in await probe_pushed(
            at, wanted, self.keys, self.listen_s, report, any_speed=any_speed, silence_s=silence_s
        ):
            yield one

    async def _optical(
        self, place: TcpAddress | SerialAddress, report: ReportProgress
    ) -> AsyncIterator[Found]:
        if "iec62056_21" in self.protocols:
            for one in await ask_optical(place, self.timeout_s, report):
                yield one

    async def _mbus(
        self, place: TcpAddress | SerialAddress, report: ReportProgress
    ) -> AsyncIterator[Found]:
        if "mbus" not in self.protocols:
            return
        for at in self._buses(place):
            found = await mbus_search.search_bus(
                at, self.addresses, self.timeout_s, self.keys, report
            )
            for one in found:
                yield one
            if found:
                return

    def _buses(self, place: TcpAddress | SerialAddress) -> list[TcpAddress | SerialAddress]:
        if isinstance(place, TcpAddress):
            return [place]
        speeds = mbus_search.SPEEDS if self.baudrate is None else (self.baudrate,)
        return [self._serial(place, speed, "E") for speed in speeds]


def modbus_found(finding: FittingModel) -> Found:
    """A Modbus model that fits, as what was found at any line."""
    out = finding.read_out
    return Found(
        protocol="modbus",
        where=str(finding.endpoint),
        meter=out.meter,
        values=out.values,
        settings=finding.settings(),
        model=out.meter.model,
        certain=finding.certain,
        facts={"unit_id": finding.unit_id, "profile": finding.profile},
    )
