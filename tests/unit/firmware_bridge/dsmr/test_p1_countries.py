"""What meters of each country put into the same frame: one value each, right in unit and place."""

from __future__ import annotations

import pytest

from firmware_bridge.codec.crc import arc
from firmware_bridge.driver.telegram import UNKNOWN, Telegram, plain
from firmware_bridge.iec62056_21.p1_values import P1Scanner

DUTCH = ("0-0:1.0.0(230725210020S)", "0-0:96.1.1(4B414C37303035303739363336333132)")
LUXEMBOURG = (
    "1-3:0.2.8(42)", "0-0:1.0.0(211010121212S)",
    "0-0:42.0.0(53414731303330373030303030303031)", "1-0:1.8.0(000001.235*kWh)",
    "1-0:3.8.0(000001.111*kvarh)", "0-0:17.0.0(77.1*kVA)", "1-0:3.7.0(00.010*kvar)",
)  # fmt: skip
SWEDEN = (
    "0-0:1.0.0(210217184019W)", "1-0:1.8.0(00006678.394*kWh)", "1-0:2.8.0(00000000.000*kWh)",
    "1-0:21.7.0(0001.023*kW)", "1-0:32.7.0(240.3*V)", "1-0:31.7.0(004.2*A)",
)  # fmt: skip
HUNGARY = (
    "0-0:1.0.0(230725210020S)", "0-0:42.0.0(AUX1020304050607)", "0-0:96.14.0(0001)",
    "1-0:1.8.0(000173.640*kWh)", "1-0:1.8.1(000047.719*kWh)", "1-0:5.8.0(000006.789*kvar)",
    "1-0:15.8.0(001000.004*kWh)", "1-0:5.7.0(00.120*kvar)", "1-0:31.4.0(999*A)",
)  # fmt: skip
BELGIUM = (
    "0-0:96.1.4(50217)", "0-0:96.1.1(3153414733313030303030323331)", "0-0:1.0.0(230725210020S)",
    "1-0:1.8.1(000000.034*kWh)", "1-0:1.4.0(02.351*kW)", "1-0:1.6.0(230701144500S)(02.589*kW)",
    "0-1:24.1.0(003)", "0-1:96.1.1(37464C4F32313139303333373333)",
    "0-1:24.2.3(230725210000S)(00112.384*m3)", "0-2:24.1.0(007)",
    "0-2:96.1.1(3853414731323334353637383930)", "0-2:24.2.1(230725210000S)(00872.234*m3)",
)  # fmt: skip
DSMR_2 = (
    "0-0:96.1.1(4B414C37303035303739363336333132)", "1-0:1.8.1(00185.000*kWh)",
    "1-0:1.7.0(0001.98*kW)", "0-1:96.1.0(3238303039303031313733)", "0-1:24.1.0(03)",
    "0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)", "(00024.123)", "0-1:24.4.0(1)",
)  # fmt: skip
HEAT_AND_WATER = (
    *DUTCH, "1-0:1.8.1(000185.000*kWh)",
    *(
        line
        for channel, kind, value in (
            (1, "012", "00112.384*GJ"), (2, "013", "00112.384*GJ"), (3, "021", "00003.5*m3"),
            (4, "022", "00004.5*m3"), (5, "010", "00001*MWh"),
        )
        for line in (
            f"0-{channel}:24.1.0({kind})", f"0-{channel}:96.1.0(303030303030303{channel})",
            f"0-{channel}:24.2.1(230725210000S)({value})",
        )
    ),
)  # fmt: skip


def read(lines: tuple[str, ...], *, crc: bool = True) -> dict[str, str]:
    body = "\r\n".join(("/XYZ5\\A", "", *lines, "!")).encode()
    scanner = P1Scanner()
    sent = body + (f"{arc(body):04X}".encode() if crc else b"") + b"\r\n"
    (found,) = [*scanner.feed(sent), *scanner.close()]
    assert (found.error, found.rest) == (None, None)
    return {
        f"{item.meter.serial} {str(item.commodity_obis or item.obis).removesuffix('*255')}": (
            f"{plain(item.value)} {item.unit}"
        )
        for item in found.observations
    }


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (LUXEMBOURG, {
            "SAG1030700000001 1-0:1.8.0": "1235 Wh", "SAG1030700000001 1-0:3.8.0": "1111 varh",
            "SAG1030700000001 0-0:17.0.0": "77100 VA", "SAG1030700000001 1-0:3.7.0": "10 var",
        }),
        (SWEDEN, {
            "unknown 1-0:1.8.0": "6678394 Wh", "unknown 1-0:2.8.0": "0 Wh",
            "unknown 1-0:21.7.0": "1023 W", "unknown 1-0:32.7.0": "240.3 V",
            "unknown 1-0:31.7.0": "4.2 A",
        }),
        # Reactive energies come with the unit of a power; a reactive power stays one.
        (HUNGARY, {
            "AUX1020304050607 1-0:1.8.0": "173640 Wh", "AUX1020304050607 1-0:1.8.1": "47719 Wh",
            "AUX1020304050607 1-0:5.8.0": "6789 varh", "AUX1020304050607 1-0:15.8.0": "1000004 Wh",
            "AUX1020304050607 1-0:5.7.0": "120 var", "AUX1020304050607 1-0:31.4.0": "999 A",
        }),
        (BELGIUM, {
            "1SAG3100000231 1-0:1.8.1": "34 Wh", "1SAG3100000231 1-0:1.4.0": "2351 W",
            "1SAG3100000231 1-0:1.6.0": "2589 W", "7FLO2119033733 7-0:3.0.0": "112384 L",
            "8SAG1234567890 8-0:1.0.0": "872234 L",
        }),
        (HEAT_AND_WATER, {
            "KAL7005079636312 1-0:1.8.1": "185000 Wh", "00000001 6-0:1.0.0": "112384000000 J",
            "00000002 6-0:1.0.0": "112384000000 J", "00000003 9-0:1.0.0": "3500 L",
            "00000004 8-0:1.0.0": "4500 L", "00000005 5-0:1.0.0": "1000000 Wh",
        }),
    ],
)  # fmt: skip
def test_each_countrys_values_are_read_in_their_units(
    lines: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert read(lines) == expected


@pytest.mark.parametrize("crc", [False, True])
def test_the_second_version_has_its_gas_on_two_lines(crc: bool) -> None:  # noqa: FBT001 - a case
    assert read(DSMR_2, crc=crc) == {
        "KAL7005079636312 1-0:1.8.1": "185000 Wh", "KAL7005079636312 1-0:1.7.0": "1980 W",
        "28009001173 7-0:3.0.0": "24123 L",
    }  # fmt: skip


def whole(*lines: str) -> Telegram:
    body = "\r\n".join(("/XYZ5\\A", "", *DUTCH, *lines, "!")).encode()
    (found,) = [*P1Scanner().feed(body + f"{arc(body):04X}\r\n".encode())]
    return found


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("1-0:1.8.1(000123,456*kWh)", "123456"),
        ("1-0:1.8.1 ( 000123.456 * kWh )", "123456"),
        ("1-0:1.8.1(000123.456*KWH)", "123456"),
    ],
)
def test_a_number_is_read_however_its_decimals_are_divided(line: str, value: str) -> None:
    (seen,) = whole(line).observations
    assert (plain(seen.value), seen.unit, whole(line).rest) == (value, "Wh", None)


@pytest.mark.parametrize(
    "line",
    [
        "1-0:1.8.1(000123.456 kWh)",
        "1-0:1.8.1(000123.456.789*kWh)",
        "1-0:1.8.1(0001X3.456*kWh)",
        "1-0:16.7.0(-.456*kW)",
        "1-0:1.6.0(230701144500S)(02.5B9*kW)",
        "0-1:24.2.1(230725210000S)(00012.345)",
        "0-1:24.2.1(230725210000S)(000_2.345*m3)",
    ],
)
def test_a_value_that_is_no_number_is_named_beside_what_is_read(line: str) -> None:
    found = whole("1-0:2.8.1(000000.034*kWh)", line)
    assert [str(seen.obis) for seen in found.observations] == ["1-0:2.8.1*255"]
    assert found.rest is not None
    assert found.rest.code == "TELEGRAM_UNSUPPORTED"
    assert line in found.rest.message


@pytest.mark.parametrize(
    "line",
    [
        "1-0:1.7.0(--.---*kW)",
        "1-0:1.8.1()",
        "0-0:96.13.0(48656C6C6F)",
        "1-0:99.97.0(1)(0-0:96.7.19)(000101000006W)(2147483647*s)",
        "1-1:31.4.0(200*A)(-200*A)",
        "1-0:32.32.0(00002)",
        "0-1:24.2.1(632525252525W)(00000.000)",
        "0-1:24.2.1(700101010000W)(00000000)",
        "0-1:24.2.1(230725210000S)()",
    ],
)
def test_what_says_that_there_is_no_value_is_no_fault(line: str) -> None:
    assert whole("1-0:2.8.1(000000.034*kWh)", line).rest is None


@pytest.mark.parametrize("number", ["", "00000000000000", "0-0:96.1.1"])
def test_a_version_is_no_meters_number(number: str) -> None:
    """Belgium's version stands where other countries have a number, and is the same everywhere."""
    lines = tuple(
        line.replace("3153414733313030303030323331", number)
        for line in BELGIUM
        if number != "0-0:96.1.1" or "0-0:96.1.1" not in line
    )
    body = "\r\n".join(("/FLU5\\253770234_A", "", *lines, "!")).encode()
    (found,) = [*P1Scanner().feed(body + f"{arc(body):04X}\r\n".encode())]
    names = {str(seen.obis): seen.meter.serial for seen in found.observations}
    assert names["1-0:1.8.1*255"] == UNKNOWN
    assert names["0-1:24.2.3*255"] == "7FLO2119033733"


def test_a_number_in_that_place_is_one() -> None:
    body = "/XYZ5\\A\r\n\r\n0-0:96.1.4(1XYZ0012345678)\r\n1-0:1.8.0(1*kWh)\r\n!"
    (found,) = [*P1Scanner().feed(body.encode() + f"{arc(body.encode()):04X}\r\n".encode())]
    assert {seen.meter.serial for seen in found.observations} == {"1XYZ0012345678"}


@pytest.mark.parametrize("filler", ["", "000000000000", "FFFFFFFF"])
def test_a_sub_meters_number_is_looked_for_in_every_place(filler: str) -> None:
    found = whole(
        "0-1:24.1.0(003)", f"0-1:96.1.0({filler})", "0-1:96.1.1(37464C4F32313139303333373333)",
        "0-1:24.2.1(230725210000S)(00112.384*m3)",
    )  # fmt: skip
    assert [seen.meter.serial for seen in found.observations] == ["7FLO2119033733"]
