"""Who hangs where."""

from __future__ import annotations

from edge_agent.register_events.device_exchange import ExchangeDetector, nameplate_of
from firmware_bridge.contract.event import Nameplate
from firmware_bridge.contract.obis import ACTIVE_IMPORT, GAS_VOLUME, Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

MAIN = MeterIdentity("EAS", "1", "a model")
NEXT = MeterIdentity("EAS", "2", "a model")
GAS = MeterIdentity("FLO", "G1")
GAS_CODE = Obis.parse("0-1:24.2.1")


def value(meter: MeterIdentity, obis: Obis = ACTIVE_IMPORT) -> MeterValue:
    return MeterValue(meter, obis, Kind.REGISTER, Quantity(1, 0, Unit.WATT_HOUR))


class Site:
    """Plates with the marks that a buffer would keep of them."""

    def __init__(self) -> None:
        self.marks: dict[str, int] = {}
        self.plates = ExchangeDetector(self.marks)

    def restart(self) -> None:
        self.plates = ExchangeDetector(self.marks)

    def read(
        self, meter: MeterIdentity, *others: MeterValue, several: bool = False
    ) -> dict[Nameplate, Nameplate]:
        values = [value(meter), *others]
        sealed = {nameplate_of(one.meter) for one in values}
        places = self.plates.judge("main", meter, values, sealed, several=several)
        self.marks |= places.marks
        self.plates.commit(places.marks)
        return dict(places.replaced)


def test_another_serial_is_an_exchange_once_also_over_a_restart() -> None:
    site = Site()
    assert site.read(MAIN) == {}
    assert site.read(MAIN) == {}
    site.restart()
    assert site.read(NEXT) == {Nameplate("EAS", "2"): Nameplate("EAS", "1")}
    assert site.read(NEXT) == {}
    site.restart()
    assert site.read(NEXT) == {}
    assert site.read(MAIN) == {Nameplate("EAS", "1"): Nameplate("EAS", "2")}
    site.restart()
    assert site.read(MAIN) == {}


def test_a_numbered_device_behind_the_port_has_a_place_of_its_own() -> None:
    site = Site()
    assert site.read(MAIN, value(GAS, GAS_CODE)) == {}
    changed = MeterIdentity("FLO", "G2")
    assert site.read(MAIN, value(changed, GAS_CODE)) == {
        Nameplate("FLO", "G2"): Nameplate("FLO", "G1")
    }
    assert site.read(MAIN) == {}
    assert site.read(NEXT) == {Nameplate("EAS", "2"): Nameplate("EAS", "1")}


def test_devices_that_speak_by_turns_behind_a_broker_exchange_nothing() -> None:
    site = Site()
    for meter in (MAIN, NEXT, MAIN, NEXT):
        assert site.read(meter, several=True) == {}
    site.restart()
    assert site.read(MAIN, several=True) == {}


def test_many_devices_under_one_place_exchange_nothing() -> None:
    site = Site()
    assert site.read(MAIN, value(NEXT), value(GAS, GAS_VOLUME)) == {}
    site.restart()
    assert site.read(NEXT) == {}
    assert site.read(MAIN) == {}


def test_nothing_is_said_before_something_of_the_device_is_sealed() -> None:
    site = Site()
    site.read(MAIN)
    assert site.plates.judge("main", NEXT, [value(NEXT)], set()).replaced == {}
    assert site.read(NEXT) == {Nameplate("EAS", "2"): Nameplate("EAS", "1")}


def test_one_plate_at_two_meters_is_two_places() -> None:
    plates = ExchangeDetector({})
    for meter in ("a", "b"):
        places = plates.judge(meter, MAIN, [value(MAIN)], {nameplate_of(MAIN)})
        assert places.replaced == {}
        plates.commit(places.marks)


def test_marks_have_the_names_under_which_every_release_stores_them() -> None:
    exchanges = ExchangeDetector({})
    found = exchanges.judge("main", MAIN, [value(MAIN)], {nameplate_of(MAIN)})
    assert found.marks == {f"plate\tmain\t\t{MAIN.manufacturer}\t{MAIN.serial}": 1}
