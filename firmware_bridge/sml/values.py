"""What the entries of a list measure. Sources: SML 1.04; DIN 43863-5 (identifiers); FNN EDL."""
# ruff: noqa: PLR2004 - places of the server id

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Quality
from firmware_bridge.dlms.units import UNITS
from firmware_bridge.driver.code_units import kind_of
from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.naming import identity
from firmware_bridge.driver.telegram import (
    Observation,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramUnsupportedError,
    normalise,
    shift,
    storage_of,
)
from firmware_bridge.sml.frames import ListEntry, ListResponse, SmlTime, TimeKind, parse_messages
from firmware_bridge.sml.transport import SmlFile, SmlSplitter

_MAKER_NAMES = (bytes.fromhex("8181C78203FF"), bytes.fromhex("0100603201FF"))
_SERVER_NAMES = (bytes.fromhex("0100000009FF"), bytes.fromhex("0100600100FF"))
_SERVER_SIZE = 10
# DZG DVS74 status word: its fixed bits, the load bit and the reserved ones; then the direction.
_DVS74_MASK, _DVS74_BITS, _DVS74_EXPORT = 0xFFE0_01FF, 0x104, 0x800
_SUM_OF_POWER = b"\x10\x07"
_PHASES_OF_POWER = (b"\x24\x07", b"\x38\x07", b"\x4c\x07")
_YEAR_2000 = 946_684_800
_UINT32_MAX = 2**32 - 1
_NAMED_MAX = 5


def observe(response: ListResponse) -> tuple[Observation, ...]:
    """The measured values: entries with a whole number and a unit, scaled exactly.

    Only timestamps give a time; an index of seconds since start-up says nothing about the clock.
    """
    meter = _meter(response)
    entries = response.entries
    doubtful: frozenset[bytes] = frozenset()
    if _tells_import(meter, response):
        entries, doubtful = _mended(entries)
    found = []
    for entry in entries:
        scaled = _scaled(entry)
        if scaled is None or len(entry.name) != 6:
            continue
        value, unit = normalise(*scaled)
        at = _instant(entry.time) or _instant(response.time)
        quality = Quality.SUSPECT if entry.name in doubtful else Quality.ACTUAL
        code = Obis(entry.name)
        # F = 96 .. 99 is what was used in the last day, week, month or year.
        stored = storage_of(code)
        found.append(Observation(meter, code, value, unit, quality, at, storage=stored))
    return tuple(found)


def unread(response: ListResponse) -> tuple[str, ...]:
    """The codes of whole numbers that stand for an energy, power, current or voltage without unit.

    Args:
        response: The list.
    """
    return tuple(
        str(Obis(entry.name))
        for entry in response.entries
        if len(entry.name) == 6
        and isinstance(entry.value, int)
        and not isinstance(entry.value, bool)
        and _scaled(entry) is None
        and (kind_of(Obis(entry.name)) or ("factor", ""))[0] != "factor"
    )


def _scaled(entry: ListEntry) -> tuple[Decimal, str] | None:
    unit = UNITS.get(entry.unit) if entry.unit is not None else None
    if unit is None or isinstance(entry.value, bool) or not isinstance(entry.value, int):
        return None
    return shift(Decimal(entry.value), entry.scaler), unit


def _tells_import(meter: MeterIdentity, response: ListResponse) -> bool:
    """Whether the status word of a DZG meter says that energy flows from the grid.

    Early ones send large positive powers in too few bytes, so that they seem negative.
    """
    words = [entry.status for entry in response.entries if entry.status is not None]
    ours = meter.serial.startswith("1DZG") and bool(words)
    return ours and all(
        word & _DVS74_MASK == _DVS74_BITS and not word & _DVS74_EXPORT for word in words
    )


def _mended(
    entries: tuple[ListEntry, ...],
) -> tuple[tuple[ListEntry, ...], frozenset[bytes]]:
    """Powers whose sign is a digit, where the status word says that the sum is an import.

    The sum's sign can be none. A phase may export beside phases that import, so whose sign is a
    digit is what adds up to the sum; where nothing does, or several ways do, nobody knows.

    Returns:
        The entries, and the names of the phases' powers that stay as sent without being known.
    """
    mended = {e.name: _unsigned(e) for e in entries if e.name[2:4] == _SUM_OF_POWER}
    entries = tuple(mended.get(entry.name, entry) for entry in entries)
    phases = [entry for entry in entries if entry.name[2:4] in _PHASES_OF_POWER]
    ambiguous = [entry for entry in phases if _unsigned(entry) != entry]
    if not ambiguous:
        return entries, frozenset()
    ways = []
    for choice in product((False, True), repeat=len(ambiguous)):
        chosen = {
            e.name: _unsigned(e) for e, is_digit in zip(ambiguous, choice, strict=True) if is_digit
        }
        if _adds_up([chosen.get(entry.name, entry) for entry in phases], mended.values()):
            ways.append(chosen)
    if len(ways) != 1:
        return entries, frozenset(entry.name for entry in ambiguous)
    return tuple(ways[0].get(entry.name, entry) for entry in entries), frozenset()


def _adds_up(phases: Iterable[ListEntry], sums: Iterable[ListEntry]) -> bool:
    """Whether the powers of phases are that of all, as far as their last digits tell."""
    parts = [scaled[0] for entry in phases if (scaled := _scaled(entry)) is not None]
    whole = [scaled[0] for entry in sums if (scaled := _scaled(entry)) is not None]
    if len(whole) != 1 or len(parts) != len(_PHASES_OF_POWER):
        return False
    exponents = [int(value.as_tuple().exponent) for value in (*parts, *whole)]
    last_digit = Decimal(1).scaleb(max(exponents))
    return abs(sum(parts) - whole[0]) <= len(exponents) * last_digit


def _unsigned(entry: ListEntry) -> ListEntry:
    """The entry with the sign bit of one to three bytes read as a digit."""
    if not isinstance(entry.value, int) or entry.value >= 0 or entry.size > 3:
        return entry
    return replace(entry, value=entry.value + (1 << 8 * entry.size))


def _instant(time: SmlTime | None) -> datetime | None:
    if time is None or time.kind is TimeKind.SECONDS_INDEX:
        return None
    if not _YEAR_2000 <= time.seconds <= _UINT32_MAX:
        return None
    return datetime.fromtimestamp(time.seconds, UTC)


def _meter(response: ListResponse) -> MeterIdentity:
    named = {entry.name: entry.value for entry in response.entries}
    server = response.server
    for name in _SERVER_NAMES:
        value = named.get(name)
        if not server and isinstance(value, bytes):
            server = value
    maker, serial = _maker_and_serial(server)
    for name in _MAKER_NAMES:
        value = named.get(name)
        if not maker and isinstance(value, bytes):
            maker = value.decode("latin-1")
    return identity(maker, serial)


def _maker_and_serial(server: bytes) -> tuple[str, str]:
    """Maker and number of a server id.

    0A, medium, three letters, block, number in four bytes: printed as `1EMH0005011725`. Earlier
    meters put letters after a 06 and a number of their own, printed in hex here.
    """
    if len(server) == _SERVER_SIZE and server[0] in (0x09, 0x0A) and server[2:5].isalpha():
        maker = server[2:5].decode("ascii", "replace")
        number = int.from_bytes(server[6:], "big")
        return maker, f"{server[1]:X}{maker}{server[5]:02X}{number:08d}"
    if len(server) == _SERVER_SIZE and server[0] == 0x06 and server[1:4].isalpha():
        return server[1:4].decode("ascii", "replace"), server[4:].hex().upper()
    # A number that was written as text says so by itself.
    text = server.decode("latin-1")
    plain = len(server) > 3 and text.isascii() and text.isprintable()
    return "", text if plain else server.hex().upper()


class SmlScanner:
    """Bytes in, observed telegrams out; a file with several lists is one telegram."""

    def __init__(self) -> None:
        self._splitter = SmlSplitter()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The files that these bytes complete."""
        yield from map(self._observe, self._splitter.feed(data))

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        yield from map(self._observe, self._splitter.close())

    @staticmethod
    def _observe(found: SmlFile | Telegram) -> Telegram:
        if isinstance(found, Telegram):
            return found
        try:
            responses = parse_messages(found.messages, found.crc)
            if not responses:
                message = "The file contains no list."
                raise TelegramSyntaxError(message)
        except TelegramError as error:
            return Telegram.refused(found.raw, error)
        seen = tuple(value for item in responses for value in observe(item))
        codes = [code for item in responses for code in unread(item)]
        return Telegram(found.raw, seen, rest=_without_unit(codes) if codes else None)


def _without_unit(codes: list[str]) -> TelegramUnsupportedError:
    message = f"The meter sends no unit that is known with {', '.join(codes[:_NAMED_MAX])}."
    remedy = "Report the telegram, so that its form becomes known; all else in it is read."
    return TelegramUnsupportedError(message, value=codes[0], remedy=remedy)
