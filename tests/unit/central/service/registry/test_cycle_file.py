"""Lists of periods by hand."""

from __future__ import annotations

from datetime import date

import pytest

from central.service.registry.cycle_file import CycleFileError, read_cycle_file


def test_a_file_holds_the_lists_of_several_cycles() -> None:
    text = (
        "cycle,first,end,months,bill_day\n"
        "route-7,2026-09-29,2026-10-28,1,2026-10-30\n"
        "route-8,2026-09-01,2026-11-02,2,\n"
        "route-7,2026-10-28,2026-11-30,,\n"
    )
    seven, eight = read_cycle_file(text)
    assert [(str(one), one.bill_day) for one in seven.listed] == [
        ("2026-10.route-7", date(2026, 10, 30)),
        ("2026-11.route-7", date(2026, 11, 30)),
    ]
    assert (eight.name, eight.months, str(eight.listed[0])) == ("route-8", 2, "2026-11.route-8")


def test_two_periods_that_end_in_one_month_have_two_names() -> None:
    text = "cycle,first,end\nr,2026-09-02,2026-10-02\nr,2026-10-02,2026-10-31\n"
    (cycle,) = read_cycle_file(text)
    assert [str(one) for one in cycle.listed] == ["2026-10.r", "2026-10.r.2"]


def test_every_fault_is_said_with_its_line() -> None:
    text = (
        "cycle,first,end,months,bill_day\n"
        "r,2026-09-02,2026-10-02,1,2026-10-01\n"
        "r,yesterday,2026-10-02,1,\n"
        "s,2026-09-02,2026-10-02,one,\n"
        "t,2026-09-02,2026-09-02,1,\n"
        "u,2026-09-02,2026-10-02,1,\n"
        "u,2026-10-03,2026-11-02,2,\n"
        "v,2026-10-03,2026-11-02,1,,9\n"
    )
    with pytest.raises(CycleFileError) as refused:
        read_cycle_file(text, "dates.csv")
    for line in (2, 3, 4, 5, 7, 8):
        assert f"line {line}:" in str(refused.value)
    assert "line 6:" not in str(refused.value)
    assert "begins on 2026-10-03, and the period before it ends on 2026-10-02" in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "cycle,first\nr,2026-09-02\n", "cycle,first,end\n", "cycle,first,end,x\nr,1,2,3\n"]
)
def test_a_file_without_a_list_is_refused(text: str) -> None:
    with pytest.raises(CycleFileError):
        read_cycle_file(text)


@pytest.mark.parametrize("months", ["4", "0", "-1", "²"])
def test_a_period_has_1_2_3_or_12_months(months: str) -> None:
    with pytest.raises(CycleFileError):
        read_cycle_file(f"cycle,first,end,months\nr,2026-09-02,2026-10-02,{months}\n")
