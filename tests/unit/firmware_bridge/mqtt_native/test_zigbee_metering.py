"""Zigbee meters under the names that converters give to tariffs and directions."""

from __future__ import annotations

from tests.unit.firmware_bridge.mqtt_native.test_device_messages import shown


def test_a_zigbee_meter_of_the_metering_cluster_shows_counters_by_tariff() -> None:
    payload = b"""{"linkquality":90,"current_summ_delivered":1234.567,"current_summ_received":2,
    "current_tier1_summ_delivered":1000,"current_tier2_summ_delivered":234.567,
    "apparent_power":460,"rms_voltage":230,"rms_current":2}"""
    assert shown("zigbee2mqtt/linky", payload) == {
        "Zigbee/linky 1-0:1.8.0": "1234567 Wh",
        "Zigbee/linky 1-0:2.8.0": "2000 Wh",
        "Zigbee/linky 1-0:1.8.1": "1000000 Wh",
        "Zigbee/linky 1-0:1.8.2": "234567 Wh",
        "Zigbee/linky 1-0:9.7.0": "460 VA",
        "Zigbee/linky 1-0:12.7.0": "230 V",
        "Zigbee/linky 1-0:11.7.0": "2 A",
    }


def test_produced_energy_of_two_clamps() -> None:
    payload = b'{"linkquality":90,"energy_a":1.5,"energy_produced_a":0.5,"energy_b":2}'
    assert shown("zigbee2mqtt/pj", payload) == {
        "Zigbee/pj 1-0:21.8.0": "1500 Wh",
        "Zigbee/pj 1-0:22.8.0": "500 Wh",
        "Zigbee/pj 1-0:41.8.0": "2000 Wh",
    }
