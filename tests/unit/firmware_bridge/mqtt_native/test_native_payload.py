"""The native payload: registers and intervals, its JSON Schema, and the firmware of its how-to."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from firmware_bridge.contract.reading import Kind
from firmware_bridge.driver.telegram import Observation, TelegramError, plain
from firmware_bridge.mqtt_native.frames import decode, decode_message
from tests.support.data import REPOSITORY

DOCS = REPOSITORY / "docs"
SCHEMA = json.loads((DOCS / "reference" / "native-payload.schema.json").read_text("utf-8"))
REGISTER: dict[str, Any] = {"obis": "1-0:1.8.0", "value": "123.450", "unit": "kWh"}
INTERVAL: dict[str, Any] = {
    "obis": "1-0:1.29.0",
    "value": "0.125",
    "unit": "kWh",
    "from": "2026-03-01T11:45:00Z",
    "period_s": 900,
}
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message(*readings: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"v": 1, "manufacturer": "ACME", "serial": "0042", "readings": list(readings), **fields}


def read(content: dict[str, Any]) -> tuple[Observation, ...]:
    return decode_message("meters/0042", json.dumps(content).encode())


def blocks(language: str, page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_an_interval_has_its_start_and_its_length() -> None:
    register, interval = read(message(REGISTER, INTERVAL, at="2026-03-01T12:00:00Z"))
    assert (register.kind, register.meter_time) == (Kind.REGISTER, AT)
    assert (interval.kind, interval.period_s) == (Kind.INTERVAL, 900)
    assert interval.meter_time == datetime(2026, 3, 1, 11, 45, tzinfo=UTC)
    assert (plain(interval.value), interval.sampled) == ("125", True)


def test_the_examples_of_the_reference_are_as_its_schema_has_them() -> None:
    (example,) = blocks("json", "reference/native-payload.md")
    content = json.loads(example)
    jsonschema.validate(content, SCHEMA)
    assert len(read(content)) == 2


@pytest.mark.parametrize(
    ("content", "is_right"),
    [
        (message(REGISTER), True),
        (message(INTERVAL), True),
        (message({**REGISTER, "at": 1772366400000}), True),
        (message({**REGISTER, "value": None}, REGISTER), True),
        (message({**REGISTER, "value": "1e3"}), False),
        (message({**REGISTER, "obis": "energy"}), False),
        (message({**REGISTER, "quality": "good"}), False),
        (message({**REGISTER, "at": "2026-03-01T12:00:00"}), False),
        (message({**REGISTER, "at": 1}), False),
        (message({**REGISTER, "period_s": 900}), False),
        (message({**INTERVAL, "period_s": 0}), False),
        (message({**INTERVAL, "period_s": 31 * 86_400 + 1}), False),
        (message({**INTERVAL, "at": 1772366400000}), False),
        (message({k: v for k, v in INTERVAL.items() if k != "period_s"}), False),
        (message(REGISTER, v=2), False),
    ],
)
def test_schema_and_decoder_agree(content: dict[str, Any], is_right: bool) -> None:  # noqa: FBT001
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(content) is is_right
    if is_right:
        assert read(content)
    else:
        with pytest.raises(TelegramError):
            read(content)


@pytest.mark.parametrize(
    ("wrong", "said", "remedy"),
    [
        ({"value": 2**63}, "more digits than a counter of 64 bits", "up to 18 digits"),
        ({"value": "9" * 41}, "not an integer or a decimal number", "up to 18 digits"),
        ({"value": int("9" * 60)}, "not an integer or a decimal number", "up to 18 digits"),
        ({"value": "twelve"}, "not an integer or a decimal number", "null for no value"),
        ({"unit": "furlong"}, "unit 'furlong' is unknown", "schema.json"),
        ({"unit": ""}, "has no `unit`", "kWh"),
        ({"unit": None}, "has no `unit`", "kWh"),
        ({"unit": "V"}, "is counted in Wh", "Correct `unit`"),
        ({"unit": "1"}, "is counted in Wh", "Correct `unit`"),
        ({"obis": "energy"}, "no OBIS code", "1-0:1.8.0"),
        ({"quality": "good"}, "`quality` is 'good'", "actual, "),
        ({"at": "2026-03-01T12:00:00"}, "no UTC offset", "2026-01-01T00:00:00Z"),
        ({"at": "soon"}, "no RFC 3339 time", "while the clock is unset"),
        ({"at": 1}, "not between 2000 and 2100", "Set the device's clock"),
        ({"period_s": 900}, "An interval has `from`", "for an interval"),
    ],
)
def test_a_wrong_reading_is_named_and_costs_no_other(
    wrong: dict[str, Any], said: str, remedy: str
) -> None:
    sent = json.dumps(message({**REGISTER, **wrong}, INTERVAL)).encode()
    decoded = decode("meters/0042", sent)
    assert [one.kind for one in decoded.observations] == [Kind.INTERVAL]
    assert decoded.rest is not None
    assert (said in decoded.rest.message, remedy in decoded.rest.advice) == (True, True)
    assert decoded.rest.message.startswith("Reading 1 (")
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(sent))
    with pytest.raises(TelegramError, match="Reading 1"):
        read(message({**REGISTER, **wrong}))


@pytest.mark.parametrize("none", [None, "NaN", "nan", "-inf", "Infinity"])
def test_what_is_no_number_is_no_value_and_no_fault(none: str | None) -> None:
    sent = json.dumps(message({**REGISTER, "value": none}, INTERVAL)).encode()
    decoded = decode("meters/0042", sent)
    assert (len(decoded.observations), decoded.rest) == (1, None)


def test_all_that_was_not_read_is_counted() -> None:
    bad = {**REGISTER, "unit": "x"}
    decoded = decode("m", json.dumps(message(bad, REGISTER, bad, bad)).encode())
    assert decoded.rest is not None
    assert "In all 3 values of the message were not read." in decoded.rest.message


def test_the_firmware_in_micropython_sends_what_is_read() -> None:
    (code,) = blocks("python", "how-to/firmware-that-publishes.md")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own
    payload: Callable[..., str] = names["payload"]
    text = payload("0042", 1772366400000, 123450, [(1772365500000, 125)])
    jsonschema.validate(json.loads(text), SCHEMA)
    register, interval = decode_message("meters/0042", text.encode())
    assert (register.meter_time, plain(register.value)) == (AT, "123450")
    assert (interval.kind, plain(interval.value)) == (Kind.INTERVAL, "125")
    (timeless,) = decode_message("meters/0042", payload("0042", None, 7).encode())
    assert timeless.meter_time is None


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_firmware_in_c_sends_what_is_read(tmp_path: Path) -> None:
    (code,) = blocks("c", "how-to/firmware-that-publishes.md")
    main = """
int main(void) {
    char out[512];
    if (meter_payload(out, 20, "0042", 0, 1, 2)) return 1;
    size_t n = meter_payload(out, sizeof out, "0042", 1772366400000, INT64_MAX, 7);
    return fwrite(out, 1, n, stdout) == n ? 0 : 2;
}
"""
    source, program = tmp_path / "firmware.c", tmp_path / "firmware"
    source.write_text(code + main, encoding="utf-8")
    strict = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic")
    subprocess.run(["cc", *strict, source, "-o", program], check=True)
    sent = subprocess.run([program], check=True, capture_output=True).stdout
    jsonschema.validate(json.loads(sent), SCHEMA)
    values = [plain(one.value) for one in decode_message("meters/0042", sent)]
    assert values == [str(2**63 - 1), "7"]
