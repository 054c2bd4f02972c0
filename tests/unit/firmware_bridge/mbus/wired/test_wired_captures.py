"""Every wired capture, record by record, against libmbus's normalised output."""

from __future__ import annotations

import json
import struct
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.codec.hex_dump import from_hex
from firmware_bridge.driver.telegram import DeviceReportError, TelegramError
from firmware_bridge.mbus.application.dates import WallTime
from firmware_bridge.mbus.application.records import DataRecord
from firmware_bridge.mbus.application.telegram import (
    APPLICATION_ERRORS,
    Application,
    parse_application,
)
from firmware_bridge.mbus.application.units import Form
from firmware_bridge.mbus.wired.link import parse_frame
from firmware_bridge.mbus.wired.scanner import WiredScanner
from tests.support.data import find_data

_FOLDER = find_data("meters", "mbus")
INDEX: dict[str, Any] = json.loads((_FOLDER / "index.json").read_text()) if _FOLDER else {}
FRAMES = sorted((_FOLDER / "test-frames").glob("*.hex")) if _FOLDER else []
ERRORS = sorted((_FOLDER / "error-frames").glob("*.hex")) if _FOLDER else []
UNSUPPORTED = sorted((_FOLDER / "unsupported-frames").glob("*.hex")) if _FOLDER else []

UNITS = {
    "m^3": "m3",
    "m^3/h": "m3/h",
    "°C": "degC",
    "Units for H.C.A.": "HCA",
    "-": "",
    "Reserved": "",
}
FIXED_UNITS = {"l": ("m3", -3), "kWh": ("Wh", 3), "reserved but historic": ("m3", -3)}

# Where we say something else than libmbus, and why.
REASONS = {
    "error digits": "BCD digits above 9 say that there is no value; libmbus adds them up",
    "event": "a VIFE makes the value a date or duration of an event; libmbus ignores it",
    "no date": "the date does not exist or is marked invalid; libmbus prints its fields",
    "no name": "libmbus does not know the quantity and prints no value; we keep the number",
}


@dataclass(frozen=True)
class Expected:
    """One DataRecord of the XML."""

    unit: str
    value: str


def expected(path: Path) -> list[Expected]:
    # The files say ISO-8859-1 and are written in UTF-8.
    text = path.with_suffix(".norm.xml").read_text(encoding="utf-8")
    root = ET.fromstring(text.replace("ISO-8859-1", "UTF-8").encode())  # noqa: S314 - our own data
    return [
        Expected(record.findtext("Unit") or "", record.findtext("Value") or "")
        for record in root.findall("DataRecord")
    ]


def application(path: Path) -> Application:
    return parse_application(parse_frame(from_hex(path.read_bytes()) or b"").user)


def verdict(record: DataRecord, wanted: Expected) -> str:  # noqa: PLR0911 - one for each kind of data
    """`exact`, a key of REASONS, or what is wrong."""
    unit, power = FIXED_UNITS.get(wanted.unit, (UNITS.get(wanted.unit, wanted.unit), 0))
    data = record.data
    if record.vifes and record.meaning.quantity.endswith("of an event"):
        return "event"
    if isinstance(data, str):
        return "exact" if data == wanted.value else f"text {data}"
    if isinstance(data, bytes):
        return "exact" if data.hex(" ").upper() == wanted.value else f"bytes {data.hex()}"
    if isinstance(data, WallTime):
        return "exact" if f"{data.at.isoformat()}Z" == wanted.value else f"time {data.at}"
    if isinstance(data, date):
        return "exact" if data.isoformat() == wanted.value else f"date {data}"
    if data is None:
        dated = record.meaning.form in (Form.DATE, Form.DATE_TIME)
        return "no date" if dated else "error digits" if record.raw else "nothing"
    if record.value is None or not wanted.value:
        return "no name" if not wanted.value else "no value"
    if record.meaning.unit not in (unit, "1", record.meaning.quantity):
        return f"unit {record.meaning.unit}"
    return number(record, Decimal(wanted.value).scaleb(power))


def number(record: DataRecord, wanted: Decimal) -> str:
    value = record.value
    assert value is not None
    if value == wanted or round(value, 6) == wanted:
        return "exact"
    # A float's shortest decimal and libmbus's longer one are the same float.
    scaled = wanted.scaleb(-record.meaning.power)
    same = len(record.raw) == 4 and struct.pack("<f", float(scaled)) == record.raw
    return "exact" if same else f"number {value}"


def test_942_records_are_those_of_libmbus(record_property: Callable[[str, object], None]) -> None:
    if not FRAMES:
        pytest.skip("no real data: meters/mbus is missing")
    counts: Counter[str] = Counter()
    for path in FRAMES:
        records, wanted = application(path).records, expected(path)
        assert len(records) == len(wanted), path.name
        for record, line in zip(records, wanted, strict=True):
            outcome = verdict(record, line)
            assert outcome in {"exact", *REASONS}, (path.name, line, outcome)
            counts[outcome] += 1
    record_property("mbus_records", dict(counts))
    assert len(FRAMES) == 76
    assert counts == {"exact": 926, "event": 6, "no date": 5, "error digits": 4, "no name": 1}


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: path.stem)
def test_the_device_is_that_of_the_notes(path: Path) -> None:
    noted = INDEX["test-frames"][path.name]
    found = application(path)
    assert found.address is not None
    assert found.address.serial.lstrip("0") == noted["id"].lstrip("0")
    assert found.address.manufacturer == (noted["manufacturer"] or "")


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_error_frames_end_in_a_named_error(path: Path) -> None:
    with pytest.raises(TelegramError) as caught:
        application(path)
    text = INDEX["error-frames"][path.name].get("error_text")
    if text:
        assert isinstance(caught.value, DeviceReportError)
        assert str(caught.value) == text.replace("\u00c2\u00b4", "'").replace("\u00b4", "'")
        assert str(caught.value) in APPLICATION_ERRORS.values()
    else:
        assert not isinstance(caught.value, DeviceReportError)


@pytest.mark.parametrize("path", UNSUPPORTED, ids=lambda path: path.stem)
def test_unsupported_frames_give_no_value(path: Path) -> None:
    scanner = WiredScanner()
    found = [*scanner.feed(from_hex(path.read_bytes()) or b""), *scanner.close()]
    assert not any(telegram.observations for telegram in found)
