"""Lines that speak by themselves: heard at each usual speed, by all decoders at once.

How it works: whatever comes is fed to every decoder. A line on which nothing comes is silent at
every speed, so only one on which something comes and nothing is understood is heard at the next
one; after two bursts at the latest, since the first may have been cut.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from firmware_bridge.dlms.line import LineScanner
from firmware_bridge.driver.interface import MeterConnectionError, MeterIdentity
from firmware_bridge.driver.line import MeterLine, SerialAddress, TcpAddress
from firmware_bridge.driver.naming import identity
from firmware_bridge.driver.telegram import KeyMissingError, Keys, Scanner, Telegram
from firmware_bridge.driver.toml_table import Setting
from firmware_bridge.dsmr.encrypted import EncryptedP1Scanner
from firmware_bridge.iec62056_21.values import ReadOutScanner
from firmware_bridge.mbus.application.compact import Formats
from firmware_bridge.mbus.radio import BAUDRATES
from firmware_bridge.mbus.wireless.framing import Framing, splitter
from firmware_bridge.mbus.wireless.radio_frame import RadioFrame
from firmware_bridge.mbus.wireless.receiver import senders
from firmware_bridge.mbus.wireless.scanner import observe_radio
from firmware_bridge.probe.finding import Found, ReportProgress, line_settings
from firmware_bridge.sml.values import SmlScanner

QUIET_S = 0.25
BURSTS = 2
# Usual speeds of pushing meters and radio receivers, the commonest first.
SPEEDS = (
    (115_200, "N", 8),
    (9600, "N", 8),
    (2400, "E", 8),
    (9600, "E", 7),
    (2400, "E", 7),
    *((speed, "N", 8) for speed in sorted({*BAUDRATES.values()} - {9600, 115_200})),
)
PROTOCOLS = frozenset({"dsmr", "iec62056_21", "sml", "dlms", "wmbus"})
# What only P1 telegrams have: a CRC, or the equipment identifier.
_P1 = re.compile(rb"![0-9A-Fa-f]{4}\s|[\r\n]0-0:(?:96\.1\.[14]|42\.0\.0)\(|[\r\n]1-3:0\.2\.8\(")
_TITLE_START = b"\xdb\x08"
_KEY_NOTE = 'It encrypts. Add: key = "<32 hex digits>"'


@dataclass(slots=True)
class LineTraffic:
    """What came on a line.

    Args:
        found: Meters, each once.
        bursts: How often something came.
    """

    found: dict[MeterIdentity, Found] = field(default_factory=dict)
    bursts: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A decoder that listens.

    Args:
        protocol: The driver for what it understands.
        scanner: Makes it afresh.
    """

    protocol: str
    scanner: Callable[[], Scanner]


def candidates(protocols: frozenset[str], keys: Keys) -> tuple[Candidate, ...]:
    """The decoders of these protocols but radio's."""
    known = (
        Candidate("dsmr", ReadOutScanner),
        Candidate("sml", SmlScanner),
        # Before encrypted P1, which looks like what an HDLC frame carries.
        Candidate("dlms", lambda: LineScanner(keys)),
        Candidate("dsmr", lambda: EncryptedP1Scanner(keys)),
    )
    wanted = protocols | ({"dsmr"} if "iec62056_21" in protocols else frozenset())
    return tuple(candidate for candidate in known if candidate.protocol in wanted)


async def probe_pushed(  # noqa: PLR0913 - where, what, how long, and to whom it tells
    place: TcpAddress | SerialAddress,
    protocols: frozenset[str],
    keys: Keys,
    listen_s: float,
    report: ReportProgress,
    *,
    any_speed: bool,
    silence_s: float | None = None,
) -> list[Found]:
    """The meters that push on a line.

    Args:
        place: Where it begins.
        protocols: What is listened for.
        keys: Of meters that encrypt.
        listen_s: Longest wait at each speed. [s]
        report: Says how far it is.
        any_speed: Whether the usual speeds are tried in turn.
        silence_s: When to give up while nothing at all came; None: after `listen_s`. [s]

    Raises:
        MeterConnectionError: The line cannot be opened.
    """
    for at in _speeds(place, any_speed=any_speed):
        report(f"Listening at {described(at)} ...")
        traffic = await _receive(at, protocols, keys, listen_s, silence_s or listen_s)
        if traffic.found or not traffic.bursts:
            return list(traffic.found.values())
        silence_s = None
    return []


def _speeds(
    place: TcpAddress | SerialAddress, *, any_speed: bool
) -> Iterator[TcpAddress | SerialAddress]:
    if isinstance(place, TcpAddress) or not any_speed:
        yield place
        return
    for baudrate, parity, bits in SPEEDS:
        yield SerialAddress(place.path, baudrate, parity, bits)


def described(place: TcpAddress | SerialAddress) -> str:
    """A line as people write it."""
    if isinstance(place, TcpAddress):
        return str(place)
    return f"{place.path}, {place.baudrate} {place.bytesize}{place.parity}{place.stopbits}"


async def _receive(
    place: TcpAddress | SerialAddress,
    protocols: frozenset[str],
    keys: Keys,
    listen_s: float,
    silence_s: float,
) -> LineTraffic:
    """What comes on a line that nobody asks, until it is clear who sends or the time is over.

    Args:
        place: The line to listen on.
        protocols: The protocols that are tried.
        keys: Keys for telegrams that are encrypted.
        listen_s: How long to listen at most. [s]
        silence_s: How long to wait for the first bytes. [s]
    """
    traffic = LineTraffic()
    scanners = [
        (candidate.protocol, candidate.scanner()) for candidate in candidates(protocols, keys)
    ]
    receiver_stream = (
        _ReceiverStream(place, keys, explicit=protocols == {"wmbus"})
        if "wmbus" in protocols
        else None
    )
    line = await place.open(silence_s)
    loop = asyncio.get_running_loop()
    end = loop.time() + listen_s
    try:
        while (left_s := end - loop.time()) > 0:
            first_s = left_s if traffic.bursts else min(left_s, silence_s)
            burst = await _burst(line, first_s)
            if not burst:
                break
            traffic.bursts += 1
            for protocol, scanner in scanners:
                for telegram in scanner.feed(burst):
                    _note(traffic, protocol, telegram, place, keys)
            if receiver_stream is not None:
                receiver_stream.receive(burst, traffic)
            only_radio = all(item.protocol == "wmbus" for item in traffic.found.values())
            if traffic.found and not only_radio:
                break
            if not traffic.found and traffic.bursts >= BURSTS:
                break
    except MeterConnectionError:
        pass  # the far end closed; what was heard counts
    finally:
        line.close()
    return traffic


async def _burst(line: MeterLine, first_s: float) -> bytes:
    """Bytes up to a pause; none where nothing begins in time."""
    held = b""
    wait_s = first_s
    try:
        while len(held) < 65_536:  # noqa: PLR2004 - a line that never pauses is judged so far
            async with asyncio.timeout(wait_s):
                held += await line.receive()
            wait_s = QUIET_S
    except TimeoutError:
        pass
    return held


def _note(
    traffic: LineTraffic,
    protocol: str,
    telegram: Telegram,
    place: TcpAddress | SerialAddress,
    keys: Keys,
) -> None:
    if isinstance(telegram.error, KeyMissingError):
        meter = _titled(telegram.raw)
        found = Found(protocol, str(place), meter, (), line_settings(place), notes=(_KEY_NOTE,))
        traffic.found.setdefault(meter, found)
        return
    if telegram.error is not None or not telegram.observations:
        return
    encrypted = _TITLE_START in telegram.raw
    if protocol == "dsmr" and not encrypted:
        # Mode D is written like P1; only what P1 alone has tells them apart.
        protocol = "dsmr" if _P1.search(telegram.raw) else "iec62056_21_d"
    settings = _key_settings(keys) if encrypted else {}
    found = Found.of(protocol, place, telegram.observations, settings)
    traffic.found.setdefault(found.meter, found)


def _key_settings(keys: Keys) -> dict[str, Setting]:
    named = {"key": keys.encryption, "auth_key": keys.authentication}
    return {name: key.hex().upper() for name, key in named.items() if key is not None}


def _titled(raw: bytes) -> MeterIdentity:
    """Who sent a ciphered telegram: maker and number of its system title."""
    at = raw.find(_TITLE_START)
    title = raw[at + 2 : at + 10] if at >= 0 else b""
    return identity(title[:3].decode("latin-1"), title[3:].hex().upper())


class _ReceiverStream:
    """A radio receiver's stream, in whichever framing it comes."""

    def __init__(self, place: TcpAddress | SerialAddress, keys: Keys, *, explicit: bool) -> None:
        self._place = place
        self._keys = keys
        self._formats = Formats()
        self._framings: list[Framing] = [one for one in Framing if one is not Framing.STRIPPED]
        # Frames without any checksum are believed only where radio is what is looked for, and
        # nothing else fits.
        self._framings += [Framing.STRIPPED] if explicit else []

    def receive(self, burst: bytes, traffic: LineTraffic) -> None:
        for framing in self._framings:
            cut = splitter(framing)
            for item in (*cut.feed(burst), *cut.close()):
                if isinstance(item, RadioFrame) and item.checked:
                    self._note(traffic, framing, item)
            if any(found.protocol == "wmbus" for found in traffic.found.values()):
                self._framings = [framing]  # a receiver has one
                return

    def _note(self, traffic: LineTraffic, framing: Framing, frame: RadioFrame) -> None:
        *_, sender = senders(frame)
        meter = identity(sender.manufacturer, sender.serial)
        telegram = observe_radio(frame, self._keys, None, self._formats)
        if meter in traffic.found and traffic.found[meter].values:
            return
        values = tuple(v for seen in telegram.observations if (v := seen.meter_value()) is not None)
        settings: dict[str, Setting] = {
            **line_settings(self._place),
            "framing": framing.value,
            "address": sender.serial,
        }
        notes: tuple[str, ...] = ()
        if isinstance(telegram.error, KeyMissingError):
            notes = (_KEY_NOTE,)
        elif self._keys.encryption is not None and values:
            settings["key"] = self._keys.encryption.hex().upper()
        traffic.found[meter] = Found("wmbus", str(self._place), meter, values, settings, notes)
