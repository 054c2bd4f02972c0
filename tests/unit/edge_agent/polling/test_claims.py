"""Two configured meters never become one, and one device may be read by two tables."""

from __future__ import annotations

import pytest

from edge_agent.polling.claims import Claims, MeterIdentitySharedError
from firmware_bridge.contract.event import Nameplate
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

IMPORT, EXPORT = Obis.parse("1-0:1.8.0"), Obis.parse("1-0:2.8.0")
ONE, OTHER, GAS = (
    MeterIdentity("LGF", "1"),
    MeterIdentity("LGF", "2"),
    MeterIdentity("P1", "G1"),
)


def show(meter: MeterIdentity, *codes: Obis) -> list[MeterValue]:
    quantity = Quantity(1, 0, Unit.WATT_HOUR)
    return [MeterValue(meter, code, Kind.REGISTER, quantity) for code in codes or (IMPORT,)]


def plates(values: tuple[MeterValue, ...]) -> set[str]:
    return {value.meter.serial for value in values}


def test_who_showed_it_first_keeps_it() -> None:
    claims = Claims()
    assert claims.admit("a", ONE, show(ONE)).values
    refused = claims.admit("b", ONE, show(ONE))
    assert refused.values == ()
    assert refused.marks == {}
    assert refused.shared == {Nameplate("LGF", "1"): "a"}
    assert isinstance(error := refused.refusal(Nameplate("LGF", "1")), MeterIdentitySharedError)
    assert error.code == "METER_IDENTITY_SHARED"
    assert "'a'" in str(error)
    assert "`serial`" in str(error)
    assert claims.is_refused("b", ONE)
    assert not claims.is_refused("a", ONE)
    assert claims.admit("a", ONE, show(ONE)).values
    assert claims.admit("b", OTHER, show(OTHER)).values
    assert not claims.is_refused("b", ONE)


def test_also_over_a_restart() -> None:
    marks: dict[str, int] = {}
    claims = Claims(marks)
    marks |= claims.admit("a", ONE, show(ONE)).marks
    again = Claims(marks)
    again.configure(["b", "a"])
    assert not again.admit("b", ONE, show(ONE)).values
    assert again.admit("a", ONE, show(ONE)).values


def test_all_of_the_device_is_withheld_and_nothing_of_the_others() -> None:
    claims = Claims()
    claims.admit("a", ONE, [*show(ONE), *show(GAS)])
    seen = claims.admit("b", OTHER, [*show(OTHER), *show(GAS, IMPORT, EXPORT)])
    assert plates(seen.values) == {"2"}
    assert seen.shared == {Nameplate("P1", "G1"): "a"}
    assert not claims.is_refused("b", OTHER)


def test_two_tables_read_one_device_each_its_own_registers() -> None:
    claims = Claims()
    assert claims.admit("a", ONE, show(ONE, IMPORT)).values
    assert claims.admit("b", ONE, show(ONE, EXPORT)).values
    assert not claims.admit("c", ONE, show(ONE, EXPORT)).values


@pytest.mark.parametrize("restarted", [0, 1])
def test_a_table_that_left_holds_nothing(restarted: int) -> None:
    claims = Claims()
    marks = dict(claims.admit("a", ONE, show(ONE)).marks)
    if restarted:
        claims = Claims(marks)
    claims.configure(["a", "b"])
    assert not claims.admit("b", ONE, show(ONE)).values
    claims.configure(["b"])
    claims.admit("a", ONE, show(ONE))  # a read under way when it left
    taken = claims.admit("b", ONE, show(ONE))
    assert taken.values
    back = Claims(marks | dict(taken.marks))
    back.configure(["a", "b"])
    assert not back.admit("a", ONE, show(ONE)).values


def test_a_meter_that_moves_takes_its_identity_along() -> None:
    claims = Claims()
    marks = dict(claims.admit("a", ONE, show(ONE)).marks)
    claims = Claims(marks)
    assert not claims.admit("b", ONE, show(ONE)).values  # until `a` shows what it has now
    marks |= claims.admit("a", OTHER, show(OTHER)).marks
    moved = claims.admit("b", ONE, show(ONE))
    assert moved.values
    again = Claims(marks | dict(moved.marks))
    assert again.admit("b", ONE, show(ONE)).values
    assert again.admit("a", OTHER, show(OTHER)).values


def test_a_device_behind_a_port_stays_claimed_while_it_is_silent() -> None:
    claims = Claims()
    claims.admit("a", ONE, [*show(ONE), *show(GAS)])
    claims.admit("a", ONE, show(ONE))
    assert claims.admit("b", OTHER, show(GAS)).values == ()


def test_marks_of_others_are_none_of_ours() -> None:
    claims = Claims({"meter.a.read_ms": 5, "plate\ta\t\tX\t1": 1, "claim\ttoo\tshort": 3})
    assert claims.admit("b", ONE, show(ONE)).values
