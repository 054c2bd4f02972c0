"""Mutated telegrams and their inner parts: only named errors come out, and always fast.

Some are mutants of what stands under a checksum, which is then made to hold, so that lengths,
counts and nesting that lie reach the parser behind it (`tests.support.sealed`).

Every decoder gets as many executions, and every way to change a telegram is met with each.
METERLINE_FUZZ sets how many (1000000 for a soak); METERLINE_FUZZ_SEED the start.
What breaks a decoder goes into tests/vectors/telegrams as a file `<target>-<what>.hex`.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import msgpack
import pytest

from firmware_bridge.dlms.axdr import parse as parse_axdr
from firmware_bridge.dlms.frames import Assembler
from firmware_bridge.dlms.lists import read_list
from firmware_bridge.dlms.notification import parse_apdu
from firmware_bridge.dlms.values import observe as observe_push
from firmware_bridge.driver.telegram import Keys, TelegramError
from firmware_bridge.iec62056_21.datasets import parse_block
from firmware_bridge.iec62056_21.frames import block_check, parse_block_frame
from firmware_bridge.iec62056_21.p1_frames import P1Telegram
from firmware_bridge.iec62056_21.p1_values import observed as observed_p1
from firmware_bridge.iec62056_21.values import observe as observe_block
from firmware_bridge.mbus.application.security import TelegramSecurity
from firmware_bridge.mbus.application.telegram import Address, parse_application
from firmware_bridge.mbus.application.values import observe as observe_records
from firmware_bridge.mbus.wired.link import parse_frame
from firmware_bridge.mbus.wireless.radio_frame import RadioFrame, unwrap
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.sml.frames import parse_messages
from firmware_bridge.sml.transport import parse_file
from firmware_bridge.sml.values import observe as observe_list
from tests.support.data import REPOSITORY
from tests.support.sealed import SEALED, grown
from tests.support.size import sized, timed_cases
from tests.support.telegrams import RADIO_KEY, Capture, all_captures

EXECUTIONS = sized("METERLINE_FUZZ", 20_000, 1_000_000)
SEED = int(os.environ.get("METERLINE_FUZZ_SEED", "1"))
VECTORS = REPOSITORY / "tests" / "vectors" / "telegrams"

Target = Callable[[bytes], object]
SECURITY = TelegramSecurity(Keys(RADIO_KEY))


def lines_of_p1(data: bytes) -> object:
    objects = parse_block(data.decode("latin-1"), lenient=True)
    return observed_p1(P1Telegram("XXX", "", objects, crc_checked=True, raw=b""))


def lines_of_block(data: bytes) -> object:
    body = data + b"\x03"
    return observe_block(parse_block_frame(b"\x02" + body + bytes([block_check(body)])))


def records(data: bytes) -> object:
    return observe_records(parse_application(data, SECURITY), Address("ABC", "1", 0, 2, bytes(8)))


def radio_layers(data: bytes) -> object:
    address = Address("ABC", "00000001", 0, 7, bytes(8))
    inner = unwrap(RadioFrame(0x44, address, data, b""), Keys(RADIO_KEY))
    return observe_records(parse_application(inner.user, inner.security, inner.address), address)


def messages(data: bytes) -> object:
    # A checksum that every message has, so that mutants get past it.
    return [observe_list(found) for found in parse_messages(data, lambda _: 0)]


def push(data: bytes) -> object:
    return observe_push(parse_apdu(data))


def list_body(data: bytes) -> object:
    return read_list(parse_axdr(data)[0])


def message(data: bytes) -> object:
    topic, _, payload = data.partition(b" ")
    return decode_message(topic.decode("latin-1"), payload)


def segments(data: bytes) -> object:
    assembler = Assembler()
    parts = [data[at : at + 40] for at in range(0, len(data), 40)]
    return [list(assembler.segment(part, part, last=at % 2 == 1)) for at, part in enumerate(parts)]


def inner_bytes(protocol: str) -> list[bytes]:
    """What the outer layers of the captures hold, so that mutants reach the inner parsers."""
    found = []
    for capture in all_captures():
        if capture.protocol != protocol:
            continue
        try:
            found.append(peel(capture))
        except TelegramError:
            continue
    if protocol in ("dsmr", "iec62056_21"):
        found = [part for text in found for part in in_parts(text)]
    return [data for data in found if data]


def peel(capture: Capture) -> bytes:
    data = capture.data
    if capture.protocol == "mbus":
        return parse_frame(data).user
    if capture.protocol == "sml":
        return zero_checksums(parse_file(data).messages)
    if capture.protocol == "wmbus":
        return b"\x7a\x00\x00\x00\x00" + bytes.fromhex("0C1427048502046D32371F15")
    if capture.protocol == "dlms":
        return data[3:] if data.startswith(b"\xe6\xe7\x00") else data if data[0] == 0x0F else b""
    return data.partition(b"\n")[2].rpartition(b"!")[0]


def in_parts(text: bytes) -> list[bytes]:
    """A few lines at a time, so that each mutant costs little and each line is met as often."""
    lines = text.splitlines(keepends=True)
    return [b"".join(lines[at : at + _LINES]) for at in range(0, len(lines), _LINES)]


def zero_checksums(data: bytes) -> bytes:
    """Messages whose checksum is 0; each ends with 63, two bytes, 00."""
    parts = data.split(b"\x76\x05")
    return b"\x76\x05".join(
        part[:-4] + b"\x63\x00\x00\x00" if part[-4:-3] == b"\x63" else part for part in parts
    )


def mutate(data: bytes, other: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        kind, at = chance.randrange(6), chance.randrange(len(changed) + 1)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(changed):
            changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 2:
            del changed[at : at + chance.randint(1, 8)]
        elif kind == 3:
            changed[at:at] = chance.randbytes(chance.randint(1, 8))
        elif kind == 4:
            start = chance.randrange(len(other))
            changed[at:at] = other[start : start + chance.randint(1, 30)]
        else:
            changed[at:at] = changed[at : at + chance.randint(1, 12)]
    return bytes(changed)


MESSAGES = [
    b'tele/p/SENSOR {"Time":"2026-03-01T12:00:00","ENERGY":{"Total":1.5,"Power":[1,2],"Factor":1}}',
    b'p/status/switch:0 {"apower":12.3,"aenergy":{"total":1234.567,"by_minute":[1,2]},"id":0}',
    b'p/events/rpc {"src":"s","params":{"ts":1772366400.5,"em:0":{"a_voltage":230.1,"x":null}}}',
    b"shellies/p/emeter/0/total 1234.5",
    b'zigbee2mqtt/p {"energy":12.34,"power":-5,"device":{"ieeeAddr":"0x00"}}',
    (
        b'p1 {"smr_version":50,"meter_model":"M","unique_id":"4142","active_power_w":-5,"external":'
        b'[{"unique_id":"43","type":"gas_meter","timestamp":260301120000,"value":1.5,"unit":"m3"}]}'
    ),
    b'tele/p/SENSOR {"Time":"2026-03-01T12:00:00","SML":{"Total_in":1.5,"Meter_id":"7"}}',
    b"go-eCharger/1/nrg [230,231,232,1,6,6,6,1400,1400,1400,0,4200,99,99,99,0]",
    (
        b't {"v":1,"serial":"7","readings":[{"obis":"1-0:1.29.0","value":5,"unit":"Wh",'
        b'"from":1772366400000,"period_s":900}]}'
    ),
    (
        b't {"v":1,"serial":"7","at":"2026-03-01T13:00:00Z","readings":'
        b'[{"obis":"1.8.0","value":"1","unit":"kWh"},{"value":9e99}]}'
    ),
    b"t "
    + msgpack.packb(
        {"v": 1, "serial": "7", "readings": [{"obis": "8.0", "value": 5, "unit": "m3"}]}
    ),
]
TARGETS: dict[str, tuple[str, Target]] = {
    "p1-objects": ("dsmr", lines_of_p1),
    "block": ("iec62056_21", lines_of_block),
    "mbus-records": ("mbus", records),
    "radio-layers": ("wmbus", radio_layers),
    "sml-messages": ("sml", messages),
    "push": ("dlms", push),
    "push-list": ("dlms", list_body),
    "segments": ("dlms", segments),
    "message": ("mqtt_native", message),
}
LONGEST_S = 1.0
_LINES = 8
# Executions are per decoder; one that has several targets shares them out.
DECODERS = {name: kind for name, (kind, *_) in (TARGETS | SEALED).items()}
SHARES = {name: list(DECODERS.values()).count(kind) for name, kind in DECODERS.items()}


@pytest.mark.parametrize("name", TARGETS)
def test_mutants_end_in_values_or_a_named_error(name: str) -> None:
    protocol, target = TARGETS[name]
    seeds = MESSAGES if name == "message" else inner_bytes(protocol)
    if not seeds:
        pytest.skip("no captures")
    if name == "push-list":
        seeds = [seed[6 + seed[5] :] for seed in seeds if seed[5] in (0, 12)]
    chance = random.Random(f"{SEED}/{name}")  # noqa: S311 - reproducible, no secret
    refused = 0
    for _ in timed_cases(EXECUTIONS // SHARES[name], LONGEST_S):
        data = mutate(chance.choice(seeds), chance.choice(seeds), chance)
        try:
            target(data)
        except TelegramError:
            refused += 1
        except Exception as error:
            error.add_note(f"{name}: {data.hex()}")
            raise
    assert refused or name in {"segments", "p1-objects", "block"}


@pytest.mark.parametrize("name", SEALED)
def test_mutants_under_checksums_that_hold_end_in_values_or_a_named_error(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    _, target, insides = SEALED[name]
    seeds = insides()
    chance = random.Random(f"{SEED}/{name}")  # noqa: S311 - reproducible, no secret
    outcomes: Counter[str] = Counter()
    for _ in timed_cases(EXECUTIONS // SHARES[name], LONGEST_S):
        data = grown(chance.choice(seeds), chance)
        if chance.randrange(2):
            data = mutate(data, chance.choice(seeds), chance)
        try:
            found = target(data)
        except Exception as error:
            error.add_note(f"{name}: {data.hex()}")
            raise
        for telegram in found if isinstance(found, list) else ():
            outcomes[telegram.error.code if telegram.error else "sound"] += 1
    record_property(name, dict(outcomes))
    if outcomes:
        assert outcomes["sound"]
        assert outcomes["CHECKSUM"] < sum(outcomes.values()) / 5


def test_what_once_broke_a_decoder_no_longer_does() -> None:
    for path in sorted(VECTORS.glob("*.hex")):
        targets = {name: found[1] for name, found in (SEALED | TARGETS).items()}
        name = max((name for name in targets if path.stem.startswith(name)), key=len)
        with suppress(TelegramError):
            targets[name](bytes.fromhex(path.read_text()))
