"""What P1 meters keep of months that ended: Belgium's peaks, Hungary's whole month."""

from __future__ import annotations

import pytest

from firmware_bridge.codec.crc import arc
from firmware_bridge.driver.telegram import Telegram, plain
from firmware_bridge.iec62056_21.p1_values import P1Scanner

BELGIUM = (
    "0-0:98.1.0(4)(1-0:1.6.0)(1-0:1.6.0)(230801000000S)(632525252525W)(00.000*kW)"
    "(230901000000S)(230831181500S)(01.862*kW)(231001000000S)(230910183000S)(04.229*kW)"
    "(231101000000W)(231016130000S)(04.927*kW)"
)
NEWEST_FIRST = (
    "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(200501000000S)(200423192538S)(03.695*kW)"
    "(200401000000S)(200305122139W)(05.980*kW)"
)
HUNGARY = (
    "0-0:98.1.0(230701000000S)(000040.777*kWh)(000008.950*kWh)(000031.827*kWh)(000142.250*kWh)"
    "(000111.164*kWh)(000031.086*kWh)(000000.030*kvarh)(000073.988*kvarh)(000000.205*kvarh)"
    "(000000.048*kvarh)(000039.199*kvarh)(000035.020*kvarh)(000183.027*kWh)(03.564*kW)(02.156*kW)"
    "(03.564*kW)(04.104*kW)(04.104*kW)(03.400*kW)"
)


def read(*lines: str) -> Telegram:
    body = "\r\n".join(
        ["/FLU5\\253770234_A", "", "0-0:96.1.4(50217)", "0-0:96.1.1(3153414733)",
         "0-0:1.0.0(231102121548W)", "1-0:1.8.1(000123.456*kWh)", *lines, "!"]
    )  # fmt: skip
    text = body.encode() + f"{arc(body.encode()):04X}\r\n".encode()
    scanner = P1Scanner()
    (found,) = [*scanner.feed(text), *scanner.close()]
    assert found.error is None
    return found


def stored(*lines: str) -> dict[str, str]:
    return {
        f"{item.obis} {item.meter_time:%Y-%m-%dT%H:%MZ}": f"{plain(item.value)} {item.unit}"
        for item in read(*lines).observations
        if item.storage
    }


def test_belgiums_peaks_are_numbered_from_the_newest_month_whatever_their_order() -> None:
    assert stored(BELGIUM) == {
        "1-0:1.6.0*1 2023-10-16T11:00Z": "4927 W",
        "1-0:1.6.0*2 2023-09-10T16:30Z": "4229 W",
        "1-0:1.6.0*3 2023-08-31T16:15Z": "1862 W",
    }
    assert stored(NEWEST_FIRST) == {
        "1-0:1.6.0*1 2020-04-23T17:25Z": "3695 W",
        "1-0:1.6.0*2 2020-03-05T11:21Z": "5980 W",
    }


def test_a_month_without_a_peak_has_no_value_and_shifts_no_other() -> None:
    assert len(stored(BELGIUM)) == 3  # the oldest month's time is impossible
    lines = BELGIUM.replace("230910183000S", "632525252525W")
    assert [name.split()[0] for name in stored(lines)] == ["1-0:1.6.0*1", "1-0:1.6.0*3"]


def test_hungarys_month_is_read_by_its_place() -> None:
    found = stored(HUNGARY)
    assert len(found) == 19
    at = "2023-06-30T22:00Z"
    assert found[f"1-0:1.8.0*1 {at}"] == "40777 Wh"
    assert found[f"1-0:2.8.0*1 {at}"] == "142250 Wh"
    assert found[f"1-0:15.8.0*1 {at}"] == "183027 Wh"
    assert found[f"1-0:8.8.0*1 {at}"] == "35020 varh"
    assert found[f"1-0:1.6.0*1 {at}"] == "3564 W"
    assert found[f"1-0:2.6.2*1 {at}"] == "3400 W"


@pytest.mark.parametrize(
    "line",
    [
        HUNGARY.replace("(000008.950*kWh)", "(000008.951*kWh)"),  # the tariffs are not the total
        HUNGARY.replace("(02.156*kW)", "(03.565*kW)"),  # a tariff's peak above that of all
        HUNGARY.replace("(000000.030*kvarh)", "(000000.030*kWh)"),
        HUNGARY.removesuffix("(03.400*kW)"),
        BELGIUM.replace("(4)", "(5)"),
        BELGIUM.replace("(4)", "(99)"),
        BELGIUM.replace("(04.229*kW)", "(04.229)"),
        BELGIUM.replace("(1-0:1.6.0)(1-0:1.6.0)", "(peak)(peak)"),
        "0-0:98.1.0()",
        "0-0:98.1.0(0)",
    ],
)
def test_another_list_is_not_guessed(line: str) -> None:
    assert stored(line) == {}


def test_stored_values_become_no_readings_of_now() -> None:
    found = read(BELGIUM, "1-0:1.6.0(231102114500W)(03.064*kW)")
    readings = [value for item in found.observations if (value := item.meter_value())]
    assert [str(value.obis) for value in readings] == ["1-0:1.8.1*255", "1-0:1.6.0*255"]
