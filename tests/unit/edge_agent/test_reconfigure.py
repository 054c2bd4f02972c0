"""A configuration is put in force whole, or refused by name with everything as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from edge_agent import reconfigure
from edge_agent.config.broker import Broker
from edge_agent.config.settings import EdgeConfig, MeterSettings, parse_config
from edge_agent.errors import MetricsPortError
from edge_agent.polling.meter_set import MeterChanges, MeterSet
from edge_agent.reconfigure import Applied, Reloader, ReloadRefusal, check_fixed
from edge_agent.uplink.mqtt import Uplink
from firmware_bridge.contract.errors import ConfigurationError, MeterlineError
from firmware_bridge.driver.interface import DriverSettingError
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON, Notes

BASE: dict[str, Any] = {
    "gateway": "gw-1",
    "buffer": {"path": "/nowhere/buffer.db"},
    "broker": {"url": "mqtt://127.0.0.1:1883"},
    "meters": [],
}


def config(**changes: object) -> EdgeConfig:
    return parse_config(BASE | changes)


class Server:
    """A port of figures that is open until it is closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.is_open = True

    def close(self) -> None:
        self.is_open = False


class Site:
    """A reloader, with the meters and the uplink standing in for real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: EdgeConfig | None = None) -> None:
        self.notes = Notes()
        self.servers: list[Server] = []
        self.brokers: list[Broker] = []
        self.change_failure: MeterlineError | None = None
        self.turn = asyncio.Event()
        self.turn.set()
        monkeypatch.setattr(reconfigure, "serve_metrics", self.serve)
        self.reloader = Reloader(
            first or config(),
            "the first file",
            meter_set=cast("MeterSet", self),
            uplink=cast("Uplink", self),
            buffer=self.notes.buffer,
            clock=HandClock(now=NOON),
            answer=self.figures,
        )

    async def figures(self) -> str:
        return ""

    async def serve(self, port: int, answer: Callable[[], Awaitable[str]]) -> Server:
        assert answer == self.figures
        if port == 1:
            message = "The port is taken."
            raise MetricsPortError(message)
        self.servers.append(Server(port))
        return self.servers[-1]

    async def change(self, meters: Sequence[MeterSettings]) -> MeterChanges:
        await self.turn.wait()
        if self.change_failure is not None:
            raise self.change_failure
        return MeterChanges(added=tuple(meter.name for meter in meters))

    def use(self, brokers: Sequence[Broker]) -> None:
        self.brokers += brokers

    @property
    def open_ports(self) -> list[int]:
        return [server.port for server in self.servers if server.is_open]


METER = {"name": "m1", "protocol": "p", "period_s": 60}
OTHER_BROKER = {"url": "mqtt://127.0.0.1:1884"}


async def test_meters_broker_and_figures_go_over_together(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch, config(metrics={"port": 9_100}))
    await site.reloader.begin()
    new = config(meters=[METER], broker=OTHER_BROKER, metrics={"port": 9_200})
    outcome = await site.reloader.apply(new, "the second file")
    assert outcome == Applied(MeterChanges(added=("m1",)), broker=True, metrics=True)
    assert str(outcome) == "m1 added, broker changed, metrics changed"
    assert [broker.port for broker in site.brokers] == [1884]
    assert site.open_ports == [9_200]
    assert site.reloader.config is new
    status = site.reloader.standing
    assert (status.applied, status.refused, status.attempts) == (2, 0, 2)
    assert status.table()["origin"] == "the second file"
    assert site.notes.codes == ["configuration_applied"]


async def test_what_does_not_differ_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch, config(metrics={"port": 9_100}))
    await site.reloader.begin()
    outcome = await site.reloader.apply(config(metrics={"port": 9_100}), "the same")
    assert str(outcome) == "nothing changed"
    assert site.brokers == []
    assert [server.port for server in site.servers] == [9_100]


async def test_figures_end_where_none_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch, config(metrics={"port": 9_100}))
    await site.reloader.begin()
    await site.reloader.apply(config(), "without figures")
    assert site.open_ports == []


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("gateway", {"gateway": "gw-2"}),
        ("buffer.path", {"buffer": {"path": "/elsewhere/buffer.db"}}),
        ("clock.source", {"clock": {"source": "trusted"}}),
    ],
)
async def test_what_all_hangs_on_cannot_change(
    key: str, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=key):
        check_fixed(config(), config(**changes))
    site = Site(monkeypatch)
    outcome = await site.reloader.apply(config(**changes), "a wrong file")
    assert isinstance(outcome, ReloadRefusal)
    assert outcome.code == "SETTING_FIXED"
    assert site.reloader.config.gateway == "gw-1"
    status = site.reloader.standing
    assert (status.applied, status.refused, status.refusal) == (1, 1, outcome)
    assert status.origin == "the first file"
    assert site.notes.codes == ["configuration_refused"]


async def test_a_meter_that_cannot_be_leaves_figures_and_broker_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, config(metrics={"port": 9_100}))
    await site.reloader.begin()
    site.change_failure = DriverSettingError("No such setting.")
    new = config(meters=[METER], broker=OTHER_BROKER, metrics={"port": 9_200})
    outcome = await site.reloader.apply(new, "a wrong file")
    assert outcome == ReloadRefusal("DRIVER_SETTING", "No such setting.")
    assert site.open_ports == [9_100]
    assert site.brokers == []


async def test_a_taken_port_is_refused_before_any_meter_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    site.change_failure = AssertionError  # type: ignore[assignment]
    outcome = await site.reloader.apply(config(metrics={"port": 1}), "a wrong file")
    assert isinstance(outcome, ReloadRefusal)
    assert outcome.code == "METRICS_PORT"


async def test_a_broker_whose_authority_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = Site(monkeypatch)
    broker = {"url": "mqtts://127.0.0.1:8883", "ca_file": str(tmp_path / "missing.pem")}
    outcome = await site.reloader.apply(config(broker=broker), "a wrong file")
    assert isinstance(outcome, ReloadRefusal)
    assert outcome.code == "BROKER_TLS"
    assert site.brokers == []


async def test_a_file_that_cannot_be_read_is_refused_like_one_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)

    def unreadable() -> EdgeConfig:
        message = "It is not valid TOML."
        raise ConfigurationError(message)

    outcome = await site.reloader.reload(unreadable, "a file")
    assert isinstance(outcome, ReloadRefusal)
    assert site.notes.events == [
        ("configuration_refused", "From a file: It is not valid TOML.", None)
    ]
    assert isinstance(await site.reloader.reload(config, "a file"), Applied)
    assert site.reloader.standing.refusal is None


async def test_half_a_change_is_carried_to_its_end_though_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    site.turn.clear()
    new = config(meters=[METER])
    waiting = asyncio.create_task(site.reloader.apply(new, "a file"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    site.turn.set()
    await site.reloader.close()
    assert site.reloader.config is new
