"""Every DLMS capture against its own notes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from firmware_bridge.dlms.clock import naive
from firmware_bridge.dlms.frames import Assembler, DlmsScanner, HdlcScanner, MbusScanner
from firmware_bridge.dlms.hdlc import HdlcFrame, HdlcSplitter
from firmware_bridge.dlms.security import decrypt, parse_ciphered
from firmware_bridge.driver.telegram import (
    AuthenticationError,
    ChecksumError,
    KeyMissingError,
    Keys,
    Observation,
    Telegram,
)
from tests.support.data import data_root
from tests.support.telegrams import Capture, dlms_captures, dlms_expectations

CAPTURES = {capture.name: capture for capture in dlms_captures()}
PUSHES = [name for name in CAPTURES if name.startswith("dlms/")]
LISTS = [name for name in CAPTURES if name.startswith("amshan/")]

# Codes that hold no measured value, or for which we know better, and why.
STATES = "a state, a limit or a number of the meter without unit: no measured value"
KAMSTRUP = "the list sends 10 Wh, 0.01 A and 0.01 of the factor; the notes are unscaled"
DEFINITIONS = "the notes read the definitions of the pushed objects as their values"
BAD_FCS = "the frame check sequence is wrong, so no value is given"
NOT_READ = {
    "dlms/hdlc_landis_gyr_zmf100.hex": BAD_FCS,
    "dlms/raw_energomera.hex": DEFINITIONS,
}


def facts(name: str) -> Mapping[str, Any]:
    return dlms_expectations()[name]


def dotted(value: Observation) -> str:
    assert value.obis is not None
    return ".".join(map(str, value.obis.code))


def kamstrup_power(code: str) -> int:
    c, d = (int(part) for part in code.split(".")[2:4])
    return 1 if d == 8 else -2 if c % 20 in (11, 13) else 0


@pytest.mark.parametrize("name", [name for name in PUSHES if name not in NOT_READ])
def test_numbers_are_those_of_the_notes(name: str) -> None:
    shown = {dotted(value): value.value for value in CAPTURES[name].values()}
    left_out = []
    for code, text in facts(name)["numbers"].items():
        power = kamstrup_power(code) if "kamstrup" in name else 0
        if code in shown:
            assert shown[code] == Decimal(text).scaleb(power), code
        else:
            left_out.append(code)
    # Only abstract objects (medium 0) and the meter's own number are no values.
    assert all(code.startswith("0.") or code == "1.1.0.0.1.255" for code in left_out)
    assert not shown or len(shown) >= len(facts(name)["numbers"]) - len(left_out)


def test_captures_were_counted(record_property: Callable[[str, object], None]) -> None:
    if not PUSHES:
        pytest.skip("no real data: meters/dlms is missing")
    exact = {name: len(CAPTURES[name].values()) for name in PUSHES + LISTS}
    record_property("dlms_values", exact)
    assert len(PUSHES) == 13
    assert len(LISTS) == 14
    assert sum(exact[name] for name in PUSHES) == 169
    assert sum(exact[name] for name in LISTS) == 142


@pytest.mark.parametrize("name", LISTS)
def test_nordic_lists_are_exact(name: str) -> None:
    noted = facts(name)["decoded"]
    shown = {dotted(value): value for value in CAPTURES[name].values()}
    by_meaning = {FIELDS[code.split(".", 2)[2]]: value.value for code, value in shown.items()}
    for field, expected in noted.items():
        if field in by_meaning:
            assert by_meaning[field] == Decimal(str(expected)), field
    numbers = {f for f in noted if f.startswith(("active", "reactive", "current", "voltage"))}
    assert numbers <= set(by_meaning)


FIELDS = {
    f"{c + 20 * phase}.{d}.0.255": (
        f"{name}{'_total' if d == 8 else ''}{f'_l{phase}' if phase else ''}"
    )
    for phase in range(4)
    for d in (7, 8)
    for c, name in (
        (1, "active_power_import"),
        (2, "active_power_export"),
        (3, "reactive_power_import"),
        (4, "reactive_power_export"),
        (11, "current"),
        (12, "voltage"),
    )
}


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_time_is_the_meters(name: str) -> None:
    noted = facts(name)["decoded"].get("meter_datetime")
    times = {value.meter_time for value in CAPTURES[name].values()}
    assert len(times) == 1
    (at,) = times
    if noted is None or facts(name).get("apdu_datetime") == "2000-01-01T22:33:00":
        assert at is None  # none sent, or marked invalid by the meter
        return
    assert at is not None
    expected = datetime.fromisoformat(noted)
    if expected.tzinfo is None:
        expected = expected.replace(tzinfo=ZoneInfo("Europe/Oslo"))
    assert at == expected


@pytest.mark.parametrize("name", [n for n in PUSHES if "decrypted_apdu_hex" in facts(n)])
def test_the_plain_apdu_is_that_of_the_notes(name: str) -> None:
    data, keys = ciphered(CAPTURES[name]), CAPTURES[name].options.keys
    apdu = parse_ciphered(data)
    assert decrypt(apdu, keys).hex() == facts(name)["decrypted_apdu_hex"]
    assert apdu.title.hex().upper() == facts(name)["system_title"]
    assert int.from_bytes(apdu.counter, "big") == facts(name)["frame_counter"]


def ciphered(capture: Capture) -> bytes:
    """The ciphered APDU: without a key, the refused telegram's pieces joined."""
    seen: list[bytes] = []

    class Reader(Assembler):
        def read(self, data: bytes, raw: bytes) -> Telegram:
            seen.append(data)
            return super().read(data, raw)

    scanner = HdlcScanner() if capture.data[0] == 0x7E else MbusScanner()
    scanner._assembler = Reader()
    list(scanner.feed(capture.data))
    return seen[0]


def test_a_wrong_authentication_key_gives_nothing() -> None:
    name = "dlms/hdlc_kamstrup_omnipower.hex"
    if name not in CAPTURES:
        pytest.skip("no real data: meters/dlms is missing")
    right = CAPTURES[name].options.keys
    for keys, error in (
        (Keys(right.encryption, bytes(16)), AuthenticationError),
        (Keys(bytes(16), right.authentication), AuthenticationError),
        (Keys(bytes(16)), AuthenticationError),
        (Keys(), KeyMissingError),
    ):
        scanner = DlmsScanner(keys)
        (found,) = [*scanner.feed(CAPTURES[name].data), *scanner.close()]
        assert isinstance(found.error, error)
        assert not found.observations
    scanner = DlmsScanner(Keys(right.encryption))
    (unchecked,) = scanner.feed(CAPTURES[name].data)
    assert list(unchecked.observations) == CAPTURES[name].values()


def test_a_wrong_frame_check_sequence_is_refused() -> None:
    data_root("meters", "dlms")
    (found,) = CAPTURES["dlms/hdlc_landis_gyr_zmf100.hex"].scan()
    assert isinstance(found.error, ChecksumError)


def test_hdlc_feeds_give_the_noted_frames() -> None:
    noted = json.loads((data_root("meters", "amshan") / "hdlc_frames.json").read_text())
    for feed in noted["feeds"]:
        splitter = HdlcSplitter()
        data = bytes.fromhex(feed["hex"])
        found = [f for at in range(len(data)) for f in splitter.feed(data[at : at + 1])]
        found += splitter.close()
        assert sum(isinstance(f, HdlcFrame) for f in found) == feed["frames"], feed["what"]
    for name, frame in noted["frames"].items():
        data = b"\x7e" + bytes.fromhex(frame["hex_between_flags"]) + b"\x7e"
        (found_frame,) = HdlcSplitter().feed(data)
        assert isinstance(found_frame, HdlcFrame), name
        assert (found_frame.information.hex() or None) == frame["payload_hex"]


def test_naive_times_keep_the_wall() -> None:
    raw = bytes.fromhex("07E401150210000000FF8000")
    assert naive(raw) == datetime(2020, 1, 21, 16)  # noqa: DTZ001 - wall time
