"""Two configured meters never become one, and one device may be read by two tables."""

from __future__ import annotations

from dataclasses import replace

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


def publish(sender: str, meter: MeterIdentity, *codes: Obis) -> list[MeterValue]:
    return [replace(value, sender=sender) for value in show(meter, *codes)]


def senders(values: tuple[MeterValue, ...]) -> set[str]:
    return {value.sender for value in values}


def plates(values: tuple[MeterValue, ...]) -> set[str]:
    return {value.meter.serial for value in values}


def test_who_showed_it_first_keeps_it() -> None:
    claims = Claims()
    assert claims.admit("a", ONE, show(ONE)).values
    refused = claims.admit("b", ONE, show(ONE))
    assert refused.values == ()
    assert refused.marks == {}
    (shared,) = refused.shared.items()
    assert (shared[0].nameplate, shared[1].meter) == (Nameplate("LGF", "1"), "a")
    assert isinstance(error := refused.refusal(shared[0]), MeterIdentitySharedError)
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
    assert [(one.nameplate.serial, held.meter) for one, held in seen.shared.items()] == [
        ("G1", "a")
    ]
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


def test_of_two_topics_of_one_table_the_first_keeps_the_device_also_over_a_restart() -> None:
    claims = Claims()
    both = [*publish("m/aa", ONE), *publish("m/bb", ONE), *publish("m/cc", OTHER)]
    first = claims.admit("w", ONE, both)
    assert senders(first.values) == {"m/aa", "m/cc"}
    (one,) = first.shared
    assert (one.nameplate.serial, one.sender) == ("1", "m/bb")
    said = str(first.refusal(one))
    assert "LGF/1 of topic 'm/bb' is read as meter 'w' from topic 'm/aa' already." in said
    assert "Give each device a serial of its own, or a table with its own topic." in said
    assert not claims.is_refused("w", ONE)
    again = Claims(first.marks)
    again.configure(["w", "x"])
    assert senders(again.admit("w", OTHER, publish("m/bb", ONE)).values) == set()
    assert senders(again.admit("w", OTHER, publish("m/cc", OTHER)).values) == {"m/cc"}
    assert senders(again.admit("w", ONE, publish("m/aa", ONE)).values) == {"m/aa"}
    assert again.admit("x", ONE, show(ONE)).values == ()
    again.configure(["x"])
    assert again.admit("x", ONE, show(ONE)).values


def test_topics_that_show_other_devices_give_up_what_they_held() -> None:
    claims = Claims()
    claims.admit("w", ONE, [*publish("m/aa", ONE), *publish("m/bb", OTHER)])
    swapped = [*publish("m/aa", OTHER), *publish("m/bb", ONE)]
    assert senders(claims.admit("w", ONE, swapped).values) == {"m/aa", "m/bb"}
    assert senders(claims.admit("w", ONE, publish("m/aa", ONE)).values) == set()


def test_two_topics_show_one_device_each_its_own_registers_and_the_first_wins() -> None:
    claims = Claims()
    assert claims.admit("w", ONE, publish("m/1/import", ONE, IMPORT)).values
    marks = claims.admit("w", ONE, publish("m/1/export", ONE, EXPORT)).marks
    assert len(marks) == 1
    assert claims.admit("w", ONE, publish("m/1/import", ONE, IMPORT, EXPORT)).values
    assert not claims.admit("w", ONE, publish("m/1/export", ONE, EXPORT)).values


def test_what_was_claimed_without_a_topic_goes_to_the_first_that_shows_it() -> None:
    marks = dict(Claims().admit("w", ONE, show(ONE)).marks)
    claims = Claims(marks)
    marks |= claims.admit("w", ONE, publish("m/aa", ONE)).marks
    for one in (claims, Claims(marks)):
        assert senders(one.admit("w", ONE, publish("m/bb", ONE)).values) == set()
        assert senders(one.admit("w", ONE, publish("m/aa", ONE)).values) == {"m/aa"}
