"""Lists are known by the number, the names and the types of all members, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from firmware_bridge.dlms.axdr import Tag
from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.driver.telegram import Keys, Telegram, TelegramUnsupportedError, plain
from firmware_bridge.simulator.dlms.encoding import cipher, date_time, octets

AT = date_time(datetime(2026, 3, 1, 12, tzinfo=UTC))
KEY, AUTHENTICATION = bytes(range(16)), bytes(range(16, 32))
# Twelve members: logical name, a name, U1-3, I1-3, P+, P-, Q+, Q-; as many as a list of energies.
VOLTAGES_NOT_ENERGIES = bytes.fromhex(
    "7ea060cf02231327c1e6e7000f000000010c07ea0302030c000000ffc400020c091049534b313033"
    "30373030303030303031090555505f33661209061208fd1209291201c212020812005a0600000960"
    "0600000000060000000406000001087f377e"
)
SIZES = {Tag.UINT16: 2, Tag.INT16: 2, Tag.UINT32: 4, Tag.INT32: 4, Tag.UINT64: 8}
KAIFA = octets(b"KFM_001"), octets(b"6970631402614476"), octets(b"MA304H3E")
KAMSTRUP = b"\x0a\x0eKamstrup_V0001"
ENERGY, VOLTAGE = octets(bytes.fromhex("0101010800FF")), octets(bytes.fromhex("0101200700FF"))


def number(value: int, tag: Tag = Tag.UINT32) -> bytes:
    return bytes([tag]) + value.to_bytes(SIZES[tag], "big")


def apdu(members: Sequence[bytes], *, tagged: bool = False) -> bytes:
    """A plain notification; Kaifa's meters put a type's tag before its time."""
    head = b"\x0f\0\0\0\1" + (b"\x09" if tagged else b"") + b"\x0c"
    return head + AT + b"\x02" + bytes([len(members)]) + b"".join(members)


def read(data: bytes, keys: Keys | None = None) -> Telegram:
    scanner = DlmsScanner(keys)
    (found,) = [*scanner.feed(data), *scanner.close()]
    return found


def shown(members: Sequence[bytes]) -> dict[str, str]:
    found = read(apdu(members))
    return {str(v.obis): f"{plain(v.value)} {v.unit}" for v in found.observations}


def refusal(found: Telegram) -> str:
    assert isinstance(found.error, TelegramUnsupportedError)
    assert found.error.code == "TELEGRAM_UNSUPPORTED"
    assert not found.observations
    return str(found.error)


def test_voltages_are_no_energies_because_there_are_as_many() -> None:
    found = read(VOLTAGES_NOT_ENERGIES)
    values = {str(v.obis).removesuffix("*255"): v.value for v in found.observations}
    assert not {code for code in values if ".8." in code}
    # What flows is what its voltages and currents make, as near as reactive power lets it be.
    pairs = [(f"1-0:{at}1.7.0", f"1-0:{at}2.7.0") for at in (3, 5, 7)]
    apparent = sum(values[ampere] * values[volt] for ampere, volt in pairs)
    assert values["1-0:1.7.0"] == 2400
    assert 2400 <= apparent <= 2500


@pytest.mark.parametrize("at", range(3, 18))
@pytest.mark.parametrize("tag", [Tag.UINT16, Tag.UINT64])
def test_a_list_of_kaifas_with_one_member_of_another_type_is_refused(at: int, tag: Tag) -> None:
    clock = b"\x09\x0c" + AT
    numbers = [number(value) for value in range(1, 11)]
    members = [*KAIFA, *numbers, clock, *(number(value) for value in range(11, 15))]
    assert shown(members)["1-0:4.8.0*255"] == "14 varh"
    members[at] = number(7, tag)
    assert "KFM" in refusal(read(apdu(members)))


@pytest.mark.parametrize("name", [b"KFM_002", b"KFM_001x", b"ABC_001", b""])
def test_the_name_of_another_list_is_not_kaifas(name: bytes) -> None:
    members = [octets(name), *KAIFA[1:], *(number(value) for value in range(1, 11))]
    refusal(read(apdu(members)))


@pytest.mark.parametrize("count", [2, 3, 9, 12, 13, 18])
def test_numbers_without_a_name_are_nothing_however_many(count: int) -> None:
    text = refusal(read(apdu([number(value) for value in range(count)])))
    assert "by an unnamed maker" in text
    assert f"{count} x double-long-unsigned" in text
    assert "in `lists` of the meter's table" in text


def test_the_list_of_one_power_is_kaifas_alone() -> None:
    power = apdu([number(5852)], tagged=True)
    (value,) = read(power).observations
    assert (str(value.obis), plain(value.value), value.unit) == ("1-0:1.7.0*255", "5852", "W")
    refusal(read(apdu([number(5852)])))
    refusal(read(apdu([number(5852, Tag.UINT16)], tagged=True)))
    refusal(read(apdu([number(5852, Tag.INT32)], tagged=True)))
    for title, holds in ((b"KFM", True), (b"ABC", False)):
        for inner in (power, apdu([number(5852)])):
            secret = cipher(inner, title + b"\1\2\3\4\5", 7, KEY, AUTHENTICATION)
            found = read(secret, Keys(KEY, AUTHENTICATION))
            assert (found.error is None) is holds


OF_ISKRA = octets(b"ISK1030700000001"), octets(b"12345678")
ENERGIES = [*OF_ISKRA, b"\x16\x01", octets(b"T1"), *(number(value) for value in range(1, 9))]
POWERS = [
    *OF_ISKRA,
    *(number(value) for value in range(1, 5)),
    *(number(value, Tag.UINT16) for value in range(2301, 2307)),
    *(number(value) for value in range(5, 11)),
]


def test_the_lists_of_slovenia_are_read_of_iskraemeco() -> None:
    energies, powers = shown(ENERGIES), shown(POWERS)
    assert len(energies) == 8
    assert len(powers) == 16
    assert energies["1-0:2.8.0*255"] == "4 Wh"
    assert (powers["1-0:32.7.0*255"], powers["1-0:31.7.0*255"]) == ("230.1 V", "23.04 A")
    assert powers["1-0:62.7.0*255"] == "10 W"


@pytest.mark.parametrize("members", [ENERGIES, POWERS], ids=["energies", "powers"])
@pytest.mark.parametrize("maker", [b"LGZ", b"SAG", b"ABC", b"isk"])
def test_they_are_no_other_makers(members: Sequence[bytes], maker: bytes) -> None:
    refusal(read(apdu([octets(maker + b"1030700000001"), *members[1:]])))


@pytest.mark.parametrize("at", range(2, 12))
@pytest.mark.parametrize(
    "odd",
    [b"\x11\x01", number(1, Tag.INT32), number(1, Tag.UINT64), number(1, Tag.UINT16)],
    ids=["unsigned", "double-long", "long64", "long"],
)
def test_an_energy_list_with_a_member_of_another_type_is_refused(at: int, odd: bytes) -> None:
    refusal(read(apdu([*ENERGIES[:at], odd, *ENERGIES[at + 1 :]])))


@pytest.mark.parametrize("at", range(2, 18))
def test_a_power_list_with_a_member_of_another_type_is_refused(at: int) -> None:
    refusal(read(apdu([*POWERS[:at], number(1, Tag.INT32), *POWERS[at + 1 :]])))


def test_scales_count_only_for_the_version_and_types_that_its_maker_prints() -> None:
    energy, voltage = number(7), number(230, Tag.UINT16)
    assert shown([KAMSTRUP, ENERGY, energy, VOLTAGE, voltage]) == {
        "1-1:1.8.0*255": "70 Wh",
        "1-1:32.7.0*255": "230 V",
    }
    later = b"\x0a\x0eKamstrup_V0002"
    assert "Kamstrup_V0002" in refusal(read(apdu([later, ENERGY, energy])))
    refusal(read(apdu([KAMSTRUP, ENERGY, number(7, Tag.UINT16)])))
    refusal(read(apdu([KAMSTRUP, ENERGY, energy, VOLTAGE, number(230)])))


@pytest.mark.parametrize(
    "name",
    [b"KAMSTRUP_V0001", b"kamstrup_v0001", b" Kamstrup_V0001", b"Kamstrup_V0001 ", b"kfm_001",
     b"KFM_002", b"AIDON_V0001", b"Elektro_V1"],
)  # fmt: skip
def test_a_list_of_any_other_name_has_no_scale_that_we_know(name: bytes) -> None:
    refusal(read(apdu([octets(name), ENERGY, number(7)])))
    under_its_code = octets(bytes.fromhex("0101000281FF"))
    refusal(read(apdu([under_its_code, octets(name), ENERGY, number(7)])))


def test_a_nameless_list_of_a_maker_with_scales_of_its_own_is_refused() -> None:
    for title, holds in ((b"KAM", False), (b"KFM", False), (b"LGZ", True)):
        secret = cipher(apdu([ENERGY, number(7)]), title + b"\1\2\3\4\5", 7, KEY, AUTHENTICATION)
        assert (read(secret, Keys(KEY, AUTHENTICATION)).error is None) is holds


def test_a_code_alone_says_enough_only_of_a_number_that_can_be_a_counter() -> None:
    assert shown([ENERGY, number(7)]) == {"1-1:1.8.0*255": "7 Wh"}
    assert "1-1:1.8.0*255" in refusal(read(apdu([ENERGY, number(7, Tag.UINT16)])))


def test_a_number_without_a_code_beside_others_with_one_is_not_passed_over() -> None:
    refusal(read(apdu([ENERGY, number(7), number(8)])))
