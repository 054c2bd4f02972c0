"""Virtual MQTT devices end when they are told to, whatever of that is lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from firmware_bridge.simulator.mqtt import publish
from firmware_bridge.simulator.mqtt.publish import VirtualMqttDevices


async def test_a_cancellation_that_is_lost_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = 0

    async def deaf(self: VirtualMqttDevices) -> None:
        nonlocal heard
        self._reached.set()
        while heard < 2:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                heard += 1

    monkeypatch.setattr(publish, "_CANCEL_S", 0.01)
    monkeypatch.setattr(VirtualMqttDevices, "_run", deaf)
    async with asyncio.timeout(10), VirtualMqttDevices([], "tasmota", "127.0.0.1", 1):
        pass
    assert heard == 2
