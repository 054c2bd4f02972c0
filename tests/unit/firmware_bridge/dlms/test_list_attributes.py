"""Of an object's attributes one is its value, one its scaler and unit; the others are neither."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.driver.telegram import Observation, Telegram, TelegramUnsupportedError, plain
from firmware_bridge.simulator.dlms.encoding import date_time, length, octets

AT = date_time(datetime(2026, 3, 1, 12, tzinfo=UTC))
IMPORTED, EXPORTED = bytes.fromhex("0100010800FF"), bytes.fromhex("0100020800FF")
DATA, REGISTER, EXTENDED, DEMAND, PROFILE = 1, 3, 4, 5, 7
Part = tuple[int, int, bytes]
"""Class and attribute of what a list sends of one object, and what it sends."""


def u16(value: int) -> bytes:
    return b"\x12" + value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return b"\x06" + value.to_bytes(4, "big")


def scale(power: int, unit: int) -> bytes:
    return b"\x02\x02\x0f" + power.to_bytes(1, "big", signed=True) + b"\x16" + bytes([unit])


def structure(*members: bytes) -> bytes:
    return b"\x02" + length(len(members)) + b"".join(members)


def read(body: bytes) -> Telegram:
    scanner = DlmsScanner()
    (found,) = [*scanner.feed(b"\x0f\0\0\0\1\x0c" + AT + body), *scanner.close()]
    return found


def described(parts: Sequence[Part]) -> bytes:
    """Each value behind the descriptor of its attribute."""
    pairs = (
        b"\x02\x02\x00" + bytes([kind]) + IMPORTED + bytes([attribute]) + value
        for kind, attribute, value in parts
    )
    return structure(*pairs)


def pushed(parts: Sequence[Part]) -> bytes:
    """The list of what is pushed, itself first, and then the values."""
    entries = [(40, bytes.fromhex("0000190900FF"), 2)]
    entries += [(kind, IMPORTED, attribute) for kind, attribute, _ in parts]
    told = (
        structure(u16(kind), octets(code), b"\x0f" + bytes([attribute]), u16(0))
        for kind, code, attribute in entries
    )
    array = b"\x01" + length(len(entries)) + b"".join(told)
    return structure(array, *(value for _, _, value in parts))


FORMS = pytest.mark.parametrize("form", [described, pushed])


def values(found: Telegram) -> dict[str, str]:
    assert found.error is None
    return {str(v.obis): f"{plain(v.value)} {v.unit}" for v in found.observations if v.obis}


def others(found: Telegram) -> list[Observation]:
    return [one for one in found.observations if one.obis is None]


@FORMS
@pytest.mark.parametrize(
    ("kind", "attribute", "number"),
    [
        (EXTENDED, 4, u32(8)),
        (EXTENDED, 5, u32(1_700_000_000)),
        (DEMAND, 3, u32(7)),
        (DEMAND, 8, u32(900)),
        (DEMAND, 9, u16(4)),
        (PROFILE, 7, u32(35_040)),
        (PROFILE, 2, u32(5)),
        (REGISTER, 20, u32(5)),
        (REGISTER, 1, u32(5)),
    ],
)
def test_another_attribute_is_reported_and_has_no_code(
    form: object, kind: int, attribute: int, number: bytes
) -> None:
    assert callable(form)
    found = read(form([(kind, attribute, number)]))
    assert values(found) == {}
    (other,) = others(found)
    assert other.meter_value() is None
    assert other.label == f"attribute {attribute} of class {kind}, 1-0:1.8.0*255"
    # Before and after the value of the same object it takes nothing from it.
    one, two = (kind, attribute, number), (EXTENDED, 2, u32(123_456))
    for parts in ([one, two], [two, one]):
        found = read(form(parts))
        assert values(found) == {"1-0:1.8.0*255": "123456 Wh"}
        assert len(others(found)) == 1


@FORMS
@pytest.mark.parametrize(("kind", "attribute"), [(REGISTER, 3), (EXTENDED, 3), (DEMAND, 4)])
@pytest.mark.parametrize("order", [1, -1])
def test_scaler_and_unit_of_the_same_object_count(
    form: object, kind: int, attribute: int, order: int
) -> None:
    assert callable(form)
    parts = [(kind, 2, u32(123_456)), (kind, attribute, scale(3, 30))][::order]
    found = read(form(parts))
    assert values(found) == {"1-0:1.8.0*255": "123456000 Wh"}
    assert others(found) == []


@FORMS
@pytest.mark.parametrize(
    "odd", [[u32(3)], [b"\x02\x02\x0f\x03\x11\x1e"], [scale(3, 30), scale(0, 30)]]
)
def test_a_value_whose_scaler_is_not_understood_is_refused(form: object, odd: list[bytes]) -> None:
    assert callable(form)
    parts = [(REGISTER, 2, u32(5)), *((REGISTER, 3, one) for one in odd)]
    error = read(form(parts)).error
    assert isinstance(error, TelegramUnsupportedError)
    assert "1-0:1.8.0*255" in str(error)


@FORMS
def test_scales_of_another_class_or_object_are_not_its_own(form: object) -> None:
    assert callable(form)
    found = read(form([(REGISTER, 2, u32(5)), (EXTENDED, 3, scale(3, 30))]))
    assert values(found) == {"1-0:1.8.0*255": "5 Wh"}


@pytest.mark.parametrize(
    "after",
    [
        [b"\x0f\x03", b"\x16\x1e"],
        [b"\x02\x02\x16\x1e\x0f\x03"],
        [b"\x02\x02\x0f\x03\x11\x1e"],
        [b"\x11\x03"],
    ],
)
@pytest.mark.parametrize("more", [[], [octets(EXPORTED), u32(7)]])
def test_what_may_be_a_scaler_in_a_form_that_nobody_knows_is_refused(
    after: list[bytes], more: list[bytes]
) -> None:
    found = read(structure(octets(IMPORTED), u32(123_456), *after, *more))
    assert isinstance(found.error, TelegramUnsupportedError)
    assert "1-0:1.8.0*255" in str(found.error)


def test_a_serial_number_is_the_value_of_its_object_alone() -> None:
    def named(attribute: int) -> bytes:
        name = b"\x02\x02\x00\x01" + bytes.fromhex("0000600100FF") + bytes([attribute])
        energy = b"\x02\x02\x00\x03" + IMPORTED + b"\x02" + u32(7)
        return structure(name + octets(b"12345678"), energy)

    assert {v.meter.serial for v in read(named(2)).observations} == {"12345678"}
    assert {v.meter.serial for v in read(named(3)).observations} == {"unknown"}
