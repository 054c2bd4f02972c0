"""Meters with an optical head: asked once, read by their driver."""

from __future__ import annotations

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import MeterConnectionError, MeterDriver, ReadOut
from firmware_bridge.driver.line import SerialAddress, TcpAddress
from firmware_bridge.driver.naming import MeterUnnamedError
from firmware_bridge.driver.toml_table import Setting
from firmware_bridge.iec62056_21.driver import Iec62056Driver
from firmware_bridge.probe.finding import Found, ReportProgress

# The standard allows 1.5 s before an answer; at 300 baud a block of 1 kB takes half a minute.
ANSWER_MIN_S = 2.0


async def ask_optical(
    place: TcpAddress | SerialAddress, timeout_s: float, report: ReportProgress
) -> list[Found]:
    """The meter that answers `/?!` in modes A, B or C.

    Args:
        place: Where its line begins; the speed is the protocol's own.
        timeout_s: Longest wait for each part of the answer. [s]
        report: Says how far it is.
    """
    report(f"Polling with /?! at {place} ...")
    settings: dict[str, Setting] = {"serial_port": str(place)}
    if isinstance(place, TcpAddress):
        settings = {"host": place.host, "port": place.port, "reaction_s": 0}
    limit: dict[str, Setting] = {"timeout_s": max(timeout_s, ANSWER_MIN_S)}
    driver: MeterDriver = Iec62056Driver.from_settings(settings | limit)
    try:
        async with driver:
            out = await driver.read()
    except MeterUnnamedError as error:
        if not isinstance(error.value, ReadOut):
            raise
        out = error.value
    except MeterConnectionError:
        raise
    except DeviceError:
        return []
    return [Found("iec62056_21", str(place), out.meter, out.values, settings)]
