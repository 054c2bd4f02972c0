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


def test_hungarys_monthly_peaks_are_of_each_direction_and_tariff_at_the_months_end() -> None:
    peaks = {name: value for name, value in stored(HUNGARY).items() if ".6." in name}
    at = "2023-06-30T22:00Z"
    assert peaks == {
        f"1-0:1.6.0*1 {at}": "3564 W", f"1-0:1.6.1*1 {at}": "2156 W",
        f"1-0:1.6.2*1 {at}": "3564 W", f"1-0:2.6.0*1 {at}": "4104 W",
        f"1-0:2.6.1*1 {at}": "4104 W", f"1-0:2.6.2*1 {at}": "3400 W",
    }  # fmt: skip


def peaks(count: int) -> str:
    """Belgium's object after so many months, the oldest first; the peak of month m is m.005 kW."""
    ends = [f"2{year}{month:02}01000000W" for year in (2, 3) for month in range(1, 13)]
    groups = [f"({end})({end})({number:02}.005*kW)" for number, end in enumerate(ends[:count], 1)]
    return f"0-0:98.1.0({count})(1-0:1.6.0)(1-0:1.6.0){''.join(groups)}"


@pytest.mark.parametrize("count", range(1, 14))
def test_so_many_months_as_a_meter_keeps_are_read(count: int) -> None:
    found = stored(peaks(count))
    assert [(name.split()[0], value) for name, value in found.items()] == [
        (f"1-0:1.6.0*{number}", f"{count + 1 - number}005 W") for number in range(1, count + 1)
    ]
    assert read(peaks(count)).rest is None


def test_an_object_over_several_lines_and_under_other_spellings_is_the_same() -> None:
    assert stored(BELGIUM.replace(")(230901", ")\r\n(230901")) == stored(BELGIUM)
    assert stored(BELGIUM.replace("98.1.0", "98.1.0*255")) == stored(BELGIUM)
    assert stored(BELGIUM.replace("0-0:", "1-0:")) == stored(BELGIUM)


def test_the_peaks_of_both_directions_stand_beside_each_other() -> None:
    export = NEWEST_FIRST.replace("1-0:1.6.0", "1-0:2.6.0")
    assert list(stored(NEWEST_FIRST, export).values()) == ["3695 W", "5980 W"] * 2
    assert {name[:9] for name in stored(export)} == {"1-0:2.6.0"}


@pytest.mark.parametrize(
    "line",
    [
        *("0-0:98.1.0", "0-0:98.1.0()", "0-0:98.1.0(0)", "0-0:98.1.0(00)(1-0:1.6.0)(1-0:1.6.0)"),
        *("0-0:98.1.0(0)(1-0:1.6.0)(1-0:1.6.0)()()()", "0-0:98.1.0(0)(garbage)"),
        *("0-0:98.1.0()()()", "0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)()()()"),
    ],
)
def test_no_months_yet_are_no_fault(line: str) -> None:
    assert stored(line) == {}
    assert read(line).rest is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        # The tariffs are not the total, or have a peak above that of all.
        (HUNGARY.replace("(000008.950*kWh)", "(000008.951*kWh)"), "do not make its totals"),
        (HUNGARY.replace("(02.156*kW)", "(03.565*kW)"), "do not make its totals"),
        (HUNGARY.replace("(000000.030*kvarh)", "(000000.030*kWh)"), "in their units"),
        (HUNGARY.replace("(000000.030*kvarh)", "(-)"), "its 19 values are not"),
        (HUNGARY.removesuffix("(03.400*kW)"), "its 18 values are not a month's 19"),
        ("0-0:98.1.0(230101000000W)(04.329*kW)", "its 1 values are not a month's 19"),
        (BELGIUM.replace("(4)", "(5)"), "12 values are not the 3 of 5 months"),
        (BELGIUM.replace("(4)", "(3)"), "12 values are not the 3 of 3 months"),
        (BELGIUM.replace("(4)", "(99)"), "'99', which is no number of months"),
        (BELGIUM.replace("(4)", "(four)"), "'four', which is no number of months"),
        (BELGIUM.replace("(1-0:1.6.0)(1-0:1.6.0)", "(peak)(peak)"), "are not the code of one peak"),
        (BELGIUM.replace(")(1-0:1.6.0)", ")(1-0:2.6.0)", 1), "are not the code of one peak"),
        (BELGIUM.replace("(231001000000S)", "(October)"), "'October' is no end of a month"),
        ("0-0:98.1.0(2)", "are not the code of one peak"),
    ],
)
def test_another_list_is_not_guessed_and_is_named_beside_what_is_read(
    line: str, fault: str
) -> None:
    assert stored(line) == {}
    found = read(line)
    assert [str(item.obis) for item in found.observations] == ["1-0:1.8.1*255"]
    assert found.rest is not None
    assert found.rest.code == "TELEGRAM_UNSUPPORTED"
    assert fault in found.rest.message


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("(04.229*kW)", "(04.229)"),
        ("(04.229*kW)", "(--.---*kW)"),
        ("(04.229*kW)", "()"),
        ("(230910183000S)", "()"),
        ("(230910183000S)", "(yesterday)"),
    ],
)
def test_a_peak_that_cannot_be_read_is_named_and_costs_no_other(good: str, bad: str) -> None:
    line = BELGIUM.replace(good, bad)
    assert stored(line) == {
        "1-0:1.6.0*1 2023-10-16T11:00Z": "4927 W",
        "1-0:1.6.0*3 2023-08-31T16:15Z": "1862 W",
    }
    rest = read(line).rest
    assert rest is not None
    assert "(231001000000S)" in rest.message
    assert bad in rest.message
    assert "is no peak with its time" in rest.message


def test_stored_values_become_no_readings_of_now() -> None:
    found = read(BELGIUM, "1-0:1.6.0(231102114500W)(03.064*kW)")
    readings = [value for item in found.observations if (value := item.meter_value())]
    assert [str(value.obis) for value in readings] == ["1-0:1.8.1*255", "1-0:1.6.0*255"]
