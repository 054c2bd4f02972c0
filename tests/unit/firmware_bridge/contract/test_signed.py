"""Signed messages: what is refused, by name, before and beside the signature."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from firmware_bridge.contract import errors
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import decode_configuration, decode_update
from firmware_bridge.contract.signed import MAGIC, SIGNED_MAX_BYTES, Purpose, open_signed

HEAD = MAGIC + b"\x01\x01" + bytes(8) + bytes(64)
CONFIGURATION = {"gateway": "roof-7", "version": 1, "made_at": 0, "toml": ""}
UPDATE = {
    "gateway": "roof-7",
    "component": "agent",
    "version": "1.2",
    "minimum": None,
    "sha256": bytes(32),
    "size": 1,
    "url": "https://updates.example/a",
    "made_at": 0,
}


def packed(base: dict[str, Any], **changed: object) -> bytes:
    return bytes(msgpack.packb(base | changed))


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", errors.BadMagicError),
        (b"MLB" + HEAD[3:] + b"x", errors.BadMagicError),
        (MAGIC, errors.TruncatedError),
        (HEAD, errors.TruncatedError),
        (MAGIC + b"\x02" + HEAD[4:] + b"x", errors.UnknownVersionError),
        (MAGIC + b"\x01\x02" + HEAD[5:] + b"x", errors.SchemaError),
        (HEAD + bytes(SIGNED_MAX_BYTES), errors.OversizeError),
    ],
)
def test_a_bad_frame_is_refused_by_name(payload: bytes, error: type[errors.MessageError]) -> None:
    with pytest.raises(errors.MessageError) as refusal:
        open_signed(Purpose.CONFIGURATION, payload)
    assert type(refusal.value) is error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", errors.MalformedError),
        (packed(CONFIGURATION, version=0), errors.SchemaError),
        (packed(CONFIGURATION, version=True), errors.SchemaError),
        (packed(CONFIGURATION, version=float("nan")), errors.NotANumberError),
        (packed(CONFIGURATION, gateway="Roof"), errors.SchemaError),
        (packed(CONFIGURATION, toml=b""), errors.SchemaError),
        (packed(CONFIGURATION, toml="x" * 60_001), errors.SchemaError),
        (packed(CONFIGURATION, toml=["x"]), errors.NestingError),
        (packed(CONFIGURATION, made_at=-1), errors.SchemaError),
        (packed(CONFIGURATION, extra=1), errors.SchemaError),
        (packed({"gateway": "roof-7"}), errors.SchemaError),
        (packed({"version": 1, **CONFIGURATION}), errors.MalformedError),
        (
            packed(CONFIGURATION).replace(b"\x01\xa7made", b"\xcc\x01\xa7made"),
            errors.MalformedError,
        ),
    ],
)
def test_a_bad_configuration_is_refused_by_name(
    body: bytes, error: type[errors.MessageError]
) -> None:
    with pytest.raises(errors.MessageError) as refusal:
        decode_configuration(body)
    assert type(refusal.value) is error


@pytest.mark.parametrize(
    "changed",
    [
        {"component": "Agent"},
        {"component": "../agent"},
        {"component": ""},
        {"version": "1.2-rc1"},
        {"version": "01"},
        {"version": "1.2.3.4.5"},
        {"version": "-1"},
        {"version": 1},
        {"minimum": "x"},
        {"sha256": bytes(31)},
        {"size": 0},
        {"size": 2**40},
        {"url": "ftp://updates.example/a"},
        {"url": "https:///a"},
        {"url": "https://updates.example/a b"},
        {"url": "https://updates.example/a\r\nHost: x"},
        {"url": "file://host/a"},
        {"url": "javascript:x"},
        {"gateway": "+"},
    ],
)
def test_a_bad_update_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(errors.SchemaError):
        decode_update(packed(UPDATE, **changed))


def test_versions_that_are_written_otherwise_have_one_packing() -> None:
    with pytest.raises(errors.MalformedError, match="canonical form"):
        decode_update(packed(UPDATE, version="1.2.0"))


def test_versions_are_ordered_by_their_numbers() -> None:
    texts = ["0", "0.9", "0.10", "1.0", "1.0.1", "1.2", "1.10", "2", "10"]
    releases = [Release.parse(text) for text in texts]
    assert releases == sorted(releases)
    assert len(set(releases)) == len(releases)
    assert Release.parse("1") == Release.parse("1.0.0")
    assert str(Release.parse("1.4.0")) == "1.4"
