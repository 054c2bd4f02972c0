"""Mutated insides under checksums that hold, so that the parser behind the checksum is reached."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from zlib import crc32

from pymodbus.framer.rtu import FramerRTU

from firmware_bridge.codec.crc import arc
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.driver.telegram import Keys, Telegram
from firmware_bridge.dsmr.encrypted import EncryptedP1Scanner
from firmware_bridge.iec62056_21.frames import block_check
from firmware_bridge.iec62056_21.p1_values import P1Scanner
from firmware_bridge.iec62056_21.values import ReadOutScanner
from firmware_bridge.mbus.wired.scanner import WiredScanner
from firmware_bridge.mbus.wireless.scanner import WirelessScanner
from firmware_bridge.modbus.answer import ModbusRequest, judge, judge_rtu
from firmware_bridge.modbus.frames import Coding, RegisterType, WordOrder, decode
from firmware_bridge.pulse.frames import PulseConstant, PulseCounter
from firmware_bridge.recordings.decode import scan
from firmware_bridge.simulator.dlms import encoding as dlms_encoding
from firmware_bridge.simulator.mbus import encoding as mbus_encoding
from firmware_bridge.simulator.sml import encoding as sml_encoding
from firmware_bridge.sml.values import SmlScanner
from tests.support.telegrams import (
    DLMS_AUTHENTICATION,
    DLMS_KEY,
    RADIO_KEY,
    SERVER,
    mode_c_read_out,
    sml_entries,
)

NAMED = mbus_encoding.device("12345678", "ABC", 1, 7)
RECORDS = bytes.fromhex(
    "0C1427048502046D32371F15" + "8C1013785634120D78054142434445" + "02FD481209"
)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_FRAME_MAX = 220
_LENGTHS = (0x7F, 0x80, 0x81, 0x82, 0x84, 0xBF, 0xC9, 0xEF, 0xFF)


def grown(data: bytes, chance: random.Random) -> bytes:
    """A mutant of what lengths, counts and nesting say, so that they disagree with the rest."""
    changed = bytearray(data or b"\0")
    at = chance.randrange(len(changed))
    rest = len(changed) - at - 1
    kind = chance.randrange(5)
    if kind == 0:
        changed[at] = (rest + chance.randint(-1, 2)) & 0xFF
    elif kind == 1:
        changed[at] = chance.choice(_LENGTHS)
    elif kind == 2:
        changed[at : at + 1] = bytes([0x82, chance.randrange(256), chance.randrange(256)])
    elif kind == 3:
        changed[at:at] = bytes(changed[at : at + chance.randint(1, 3)]) * chance.randint(2, 60)
    else:
        end = at + chance.randint(1, 12)
        changed[at:end] = changed[at:end][::-1]
    return bytes(changed)


def _wired(user: bytes) -> list[Telegram]:
    return list(scan(WiredScanner(Keys(RADIO_KEY)), mbus_encoding.long_frame(user[:_FRAME_MAX])))


def _radio(user: bytes) -> list[Telegram]:
    frame = mbus_encoding.radio_frame(NAMED, user[:_FRAME_MAX] or b"\0")
    crcs = mbus_encoding.format_a if crc32(user) & 1 else mbus_encoding.format_b
    return list(scan(WirelessScanner(Keys(RADIO_KEY)), crcs(frame)))


def _sml(body: bytes) -> list[Telegram]:
    return list(scan(SmlScanner(), sml_encoding.wrap(sml_encoding.message(1, 0x0701, body))))


def _push(apdu: bytes) -> list[Telegram]:
    apdu = apdu[:1500] or b"\0"
    way = crc32(apdu) % 4
    if way == 1:
        apdu = dlms_encoding.cipher(apdu, b"ABC\1\2\3\4\5", 7, DLMS_KEY, DLMS_AUTHENTICATION)
    if way == 2:
        data = b"".join(map(dlms_encoding.hdlc, dlms_encoding.blocks(apdu, 60)))
    else:
        data = dlms_encoding.hdlc(apdu, segment=1024 if way == 0 else 100)
    return list(scan(DlmsScanner(Keys(DLMS_KEY, DLMS_AUTHENTICATION)), data))


def _p1(lines: bytes) -> list[Telegram]:
    body = b"/ABC5meter\r\n\r\n" + lines + b"!"
    text = body + f"{arc(body):04X}\r\n".encode()
    if crc32(lines) & 3:
        return list(scan(P1Scanner(), text))
    frame = dlms_encoding.cipher(text, b"ABC\1\2\3\4\5", 9, DLMS_KEY, None)
    return list(scan(EncryptedP1Scanner(Keys(DLMS_KEY)), frame))


def _block(lines: bytes) -> list[Telegram]:
    body = lines + b"!\r\n\x03"
    return list(scan(ReadOutScanner(), b"/ABC5meter\r\n\x02" + body + bytes([block_check(body)])))


_CODINGS = [Coding(kind, order) for kind in RegisterType for order in WordOrder]


def _modbus(data: bytes) -> None:
    """An answer to a request for four registers; what is judged right has all that was asked."""
    request = ModbusRequest(transaction=1, unit=1, function=3, count=4)
    tcp = b"\0\1\0\0" + len(data).to_bytes(2, "big") + data
    if len(data) > 1 and judge(request, tcp) is None:
        assert data[:2] == b"\1\3" or data[1] & 0x80
        _registers(data)
    check = FramerRTU.compute_CRC(data).to_bytes(2, "big")
    if len(data) > 1 and judge_rtu(request, data + check) is None and len(data) == 11:
        _registers(data)


def _registers(data: bytes) -> None:
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(3, len(data) - 1, 2)]
    for coding in _CODINGS:
        if len(words) >= coding.words:
            decode(words[: coding.words], coding)


def _edges(data: bytes) -> None:
    """Edges at any times, also backwards: never more pulses than closings, never one less."""
    counter, at_ns, closings = PulseCounter(width_min_ns=30), 0, 0
    constant = PulseConstant(7, 1000, Unit.WATT_HOUR)
    for byte in data:
        at_ns += (byte >> 1) - 20
        before = constant.register(counter.count).mantissa
        closings += byte & 1
        counted = counter.edge(at_ns, closed=bool(byte & 1))
        assert counter.count <= closings
        after = constant.register(counter.count).mantissa
        assert after > before if counted else after == before


def _radio_insides() -> list[bytes]:
    secret = mbus_encoding.mode_5(NAMED, 7, 0, RECORDS, RADIO_KEY)
    bare = b"\x78" + RECORDS
    return [
        b"\x7a\x01\x00\x00\x00" + RECORDS,
        mbus_encoding.long_header(NAMED, 1, 0, RECORDS),
        bare,
        secret,
        b"\x8c\x20\x01" + secret,
        b"\x8c\x20\x01" + bare,
        mbus_encoding.mode_7(NAMED, 7, 0, RECORDS, RADIO_KEY, 5),
        b"\x79" + bytes.fromhex("34DD 0000 0000D204000010000000"),
    ]


def _list_body() -> bytes:
    values = sml_encoding.listing(*(entry.encode() for entry in sml_entries()))
    none = b"\x01"
    return sml_encoding.listing(none, sml_encoding.octets(SERVER), none, none, values, none, none)


def _pushes() -> list[bytes]:
    registers = [dlms_encoding.Register(bytes.fromhex("0100010800FF"), 123_456, -1, 30)] * 3
    apdu = dlms_encoding.notification(AT, "123456", registers)
    form = bytes.fromhex("020309060202 0F 16")
    rows = bytes.fromhex("06 0100010800FF 00000064 FF 1E 06 0100020800FF 00000007 FF 1E")
    compact = apdu[:18] + b"\x02\x01\x13" + form + bytes([len(rows)]) + rows
    return [apdu, compact]


P1_LINES = (
    b"1-3:0.2.8(50)\r\n0-0:1.0.0(230601120000S)\r\n0-0:96.1.1(3132)\r\n1-0:1.8.1(000001.5*kWh)\r\n"
    b"1-0:99.97.0(1)(0-0:96.7.19)(230101120000W)(0000000240*s)\r\n0-1:24.1.0(003)\r\n"
    b"0-1:96.1.0(4731)\r\n0-1:24.2.1(230601110000S)(00002.5*m3)\r\n"
    b"0-2:24.3.0(230601110000)(00)(60)(1)(0-2:24.2.1)(m3)\r\n(00001.000)\r\n"
)

# Decoder, how the mutant is sealed and read, what is mutated.
SEALED: dict[str, tuple[str, Callable[[bytes], object], Callable[[], list[bytes]]]] = {
    "sealed-wired": ("mbus", _wired, _radio_insides),
    "sealed-radio": ("wmbus", _radio, _radio_insides),
    "sealed-sml": ("sml", _sml, lambda: [_list_body()]),
    "sealed-push": ("dlms", _push, _pushes),
    "sealed-p1": ("dsmr", _p1, lambda: [P1_LINES]),
    "sealed-block": ("iec62056_21", _block, lambda: [mode_c_read_out().partition(b"\x02")[2][:-6]]),
    "modbus": ("modbus", _modbus, lambda: [b"\1\3\x08" + bytes(range(8)), b"\1\x83\2"]),
    "pulse": ("pulse", _edges, lambda: [bytes(range(0, 250, 7)), b"\xff\xfe" * 20]),
}
