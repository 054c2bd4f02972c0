"""Telegrams to try decoders on: every real capture found, and some of our own encoding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from firmware_bridge.codec.crc import arc, kermit
from firmware_bridge.codec.hex_dump import from_hex
from firmware_bridge.driver.telegram import Keys, Observation, Telegram
from firmware_bridge.iec62056_21.frames import block_check
from firmware_bridge.recordings.decode import DecodeOptions, scan, scanners
from firmware_bridge.simulator.dlms import encoding as dlms_encoding
from firmware_bridge.simulator.mbus import encoding as mbus_encoding
from firmware_bridge.simulator.sml import encoding as sml_encoding
from firmware_bridge.simulator.sml.encoding import Entry
from tests.support.data import find_data

SERVER = bytes.fromhex("0A01454D480001234567")
RADIO_KEY = bytes(range(16))
DLMS_KEY, DLMS_AUTHENTICATION = bytes(range(16, 32)), bytes(range(32, 48))


@dataclass(frozen=True)
class Capture:
    """A recording.

    Args:
        protocol: As `decode` names it.
        name: Folder and file.
        data: Raw bytes.
        options: Keys and the like.
        checked: Whether a checksum covers all of it.
        form: Which of the protocol's scanners reads it.
    """

    protocol: str
    name: str
    data: bytes = field(repr=False)
    options: DecodeOptions = field(default_factory=DecodeOptions, repr=False)
    checked: bool = True
    form: int = 0

    def __str__(self) -> str:
        return f"{self.protocol}:{self.name}"

    def scan(self, data: bytes | None = None, step: int = 0) -> list[Telegram]:
        """Telegrams of the data, by this capture's scanner, fed in steps."""
        data = self.data if data is None else data
        scanner = scanners(self.protocol)[self.form](self.options)
        if not step:
            return list(scan(scanner, data))
        found = [t for at in range(0, len(data), step) for t in scanner.feed(data[at : at + step])]
        return found + list(scanner.close())

    def values(self, data: bytes | None = None, step: int = 0) -> list[Observation]:
        """All values of the telegrams that hold."""
        return [value for telegram in self.scan(data, step) for value in telegram.observations]


def _files(*parts: str) -> list[Path]:
    folder = find_data("meters", *parts[:-1])
    return sorted(folder.glob(parts[-1])) if folder else []


def _hex(path: Path) -> bytes:
    return from_hex(path.read_bytes()) or b""


def dsmr_captures() -> Iterator[Capture]:
    """P1 telegrams; those without a CRC are not checked."""
    for path in _files("dsmr", "*.txt") + _files("amshan", "dlde_*.txt"):
        data = path.read_bytes()
        name = f"{path.parent.name}/{path.name}"
        checked = b"!\r\n" not in data
        yield Capture("dsmr", name, data, checked=checked)
        yield Capture("iec62056_21", name, data, checked=checked)


def mbus_captures(kind: str = "test-frames") -> Iterator[Capture]:
    """Wired frames of one folder."""
    for path in _files("mbus", kind, "*.hex"):
        yield Capture("mbus", f"{kind}/{path.name}", _hex(path))


@cache
def dlms_expectations() -> dict[str, dict[str, object]]:
    """What the captures' own notes expect."""
    found: dict[str, dict[str, object]] = {}
    for folder in ("dlms", "amshan"):
        for path in _files(folder, "expected.json"):
            for name, facts in json.loads(path.read_text()).items():
                found[f"{folder}/{facts.get('file', name)}"] = facts
    return found


def dlms_captures() -> Iterator[Capture]:
    """Pushes; bare APDUs have no checksum."""
    for path in _files("dlms", "*.hex") + _files("amshan", "*.hex"):
        name = f"{path.parent.name}/{path.name}"
        data = _hex(path)
        options = DecodeOptions(_keys(dlms_expectations()[name].get("keys")))
        yield Capture("dlms", name, data, options, checked=data[0] in (0x7E, 0x68))


def _keys(noted: object) -> Keys:
    if not isinstance(noted, dict):
        return Keys()
    authentication = noted.get("authentication_key") or noted.get(
        "authentication_key_in_dump_folder"
    )
    return Keys(
        bytes.fromhex(noted["decryption_key"]),
        bytes.fromhex(authentication) if authentication else None,
    )


def own_captures() -> Iterator[Capture]:
    """Telegrams of our own encoders, where no recording is at hand."""
    yield Capture("sml", "own/two-tariffs", sml_encoding.list_file(SERVER, sml_entries()))
    kermit_file = sml_encoding.list_file(SERVER, sml_entries(), crc=kermit)
    yield Capture("sml", "own/kermit", kermit_file)
    named = mbus_encoding.device("12345678", "ELS", 1, 3)
    records = bytes.fromhex("0C1427048502046D32371F15")
    plain = b"\x7a\x2a\x00\x00\x00" + records * 12
    secret = mbus_encoding.mode_5(named, 0x2A, 0, records * 10, RADIO_KEY)
    keys = DecodeOptions(Keys(RADIO_KEY))
    for name, user in (("plain", plain), ("mode-5", secret)):
        frame = mbus_encoding.radio_frame(named, user)
        for form, crcs in (("a", mbus_encoding.format_a), ("b", mbus_encoding.format_b)):
            yield Capture("wmbus", f"own/{name}-{form}", crcs(frame), keys)
    newest = mbus_encoding.mode_7(named, 0x2A, 0, records, RADIO_KEY, 9)
    frame = mbus_encoding.format_a(mbus_encoding.radio_frame(named, newest))
    yield Capture("wmbus", "own/mode-7-a", frame, keys)
    yield from _own_pushes()
    yield Capture("dsmr", "own/encrypted", _encrypted_p1(), DecodeOptions(Keys(DLMS_KEY)), form=1)
    yield Capture("iec62056_21", "own/mode-c", mode_c_read_out())


def _encrypted_p1() -> bytes:
    body = (
        b"/ABC5meter\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(230601120000S)\r\n"
        b"0-0:96.1.1(3132)\r\n1-0:1.8.1(000001.500*kWh)\r\n0-1:24.1.0(003)\r\n"
        b"0-1:96.1.0(4731)\r\n0-1:24.2.1(230601110000S)(00002.500*m3)\r\n!"
    )
    text = body + f"{arc(body):04X}\r\n".encode()
    return dlms_encoding.cipher(text, b"ABC\1\2\3\4\5", 9, DLMS_KEY, DLMS_AUTHENTICATION)


def _own_pushes() -> Iterator[Capture]:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    registers = [
        dlms_encoding.Register(bytes.fromhex("0100010800FF"), 123_456_789, -1, 30),
        dlms_encoding.Register(bytes.fromhex("0100200700FF"), 2301, -1, 35),
    ]
    apdu = dlms_encoding.notification(at, "123456", registers)
    secret = dlms_encoding.cipher(apdu, b"ABC\1\2\3\4\5", 7, DLMS_KEY, DLMS_AUTHENTICATION)
    options = DecodeOptions(Keys(DLMS_KEY, DLMS_AUTHENTICATION))
    in_blocks = b"".join(dlms_encoding.hdlc(block) for block in dlms_encoding.blocks(secret, 60))
    yield Capture("dlms", "own/segments", dlms_encoding.hdlc(secret, segment=50), options)
    yield Capture("dlms", "own/blocks", in_blocks, options)
    # GCM's tag is the checksum here: the wrapper itself has none.
    yield Capture("dlms", "own/wrapper", dlms_encoding.wrapper(secret), options)


def sml_entries() -> list[Entry]:
    """Two tariffs, a negative power, a status word, and escape bytes inside a value."""
    return [
        Entry(bytes.fromhex("8181C78203FF"), sml_encoding.octets(b"EMH")),
        Entry(
            bytes.fromhex("0100010800FF"),
            sml_encoding.unsigned(123_456_789_012, 5),
            30,
            -1,
            status=sml_encoding.unsigned(0x1A0, 3),
        ),
        Entry(bytes.fromhex("0100010801FF"), sml_encoding.unsigned(0x1B1B1B1B, 4), 30, -1),
        Entry(bytes.fromhex("0100020800FF"), sml_encoding.integer(0x1B1B1B1B1B, 6), 30, -1),
        Entry(bytes.fromhex("0100100700FF"), sml_encoding.integer(-1234, 2), 27, -1),
        Entry(bytes.fromhex("0100240700FF"), sml_encoding.integer(-1, 8), 27, 0),
    ]


def mode_c_read_out() -> bytes:
    """A recorded exchange: request, identification, acknowledgement, block."""
    body = (
        b"F.F(00000000)\r\nC.1.0(12345678)\r\n0.9.1(12:34:56)\r\n0.9.2(23-04-05)\r\n"
        b"1.8.0(001234.567*kWh)\r\n1.8.0*01(001200.000*kWh)\r\n1.8.1(001000.100*kWh)\r\n"
        b"1.6.0(0.123*kW)(2304010815)\r\n!\r\n\x03"
    )
    return b"/?!\r\n/LGZ5ZMD120\r\n\x06050\r\n\x02" + body + bytes([block_check(body)])


@cache
def all_captures() -> tuple[Capture, ...]:
    """Everything, in a fixed order."""
    kinds = (
        dsmr_captures(),
        mbus_captures(),
        mbus_captures("error-frames"),
        mbus_captures("unsupported-frames"),
        dlms_captures(),
        own_captures(),
    )
    return tuple(capture for kind in kinds for capture in kind)
