"""A signed configuration is checked, kept, applied, watched, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from edge_agent.config.settings import EdgeConfig, parse_config
from edge_agent.reconfigure import ReloadRefusal
from edge_agent.remote.configuration.service import Configurator
from edge_agent.remote.errors import (
    ConfigurationInvalidError,
    RemoteStateDamagedError,
    RemoteStateUnwritableError,
)
from firmware_bridge.contract.reports import ConfigurationReport, ConfigurationState
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON
from tests.support.edge_remote import Disk, RunningAgent
from tests.support.signing import Signer

SIGNER, STRANGER = Signer(1), Signer(2)
GOOD, PROBATION, LOCAL = (
    ConfigurationState.GOOD,
    ConfigurationState.PROBATION,
    ConfigurationState.LOCAL,
)


def toml(*names: str) -> str:
    return "".join(
        f'[[meters]]\nname = "{name}"\nprotocol = "modbus"\nhost = "127.0.0.1"\n'
        'unit_id = 1\nprofile = "meterline-virtual"\n'
        for name in names
    )


def local(**keys: object) -> EdgeConfig:
    return parse_config(
        {
            "gateway": "gw-1",
            "buffer": {"path": "/nowhere/buffer.db"},
            "broker": {"url": "mqtt://127.0.0.1:1883"},
            "remote": {"keys": [SIGNER.public.hex()], "probation_s": 60, "starts": 2},
            "meters": [],
        }
        | keys
    )


class Site:
    """A configurator at work on an agent and a disk of the test's own."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self.clock = HandClock(now=NOON)
        self.agent = RunningAgent(self.clock)
        self.configurator = Configurator(local(), self.disk.file)

    def begin(self) -> list[str]:
        return [meter.name for meter in self.configurator.begin().meters]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.configurator.run(self.agent, self.clock))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def offer(self, payload: bytes, holds: Callable[[ConfigurationReport], bool]) -> None:
        self.configurator.offer(payload)
        await self.until(lambda: holds(self.configurator.report()))

    async def prove(self, version: int, *names: str) -> None:
        payload = SIGNER.configuration(version, toml(*names))
        await self.offer(payload, lambda report: report.state is GOOD and report.version == version)


async def test_a_configuration_is_on_probation_and_then_good() -> None:
    site = Site()
    assert site.begin() == []
    async with site.running():
        await site.prove(7, "a", "b")
    assert site.agent.applied == [(["a", "b"], "the centre, version 7")]
    assert site.agent.codes == ["configuration_offered", "configuration_good"]
    assert site.agent.announced == 2
    assert site.configurator.table()["state"] == "good"
    assert [figure.value for figure in site.configurator.figures()] == [7, 0.0, 0]
    # It is still so after a restart, and is not tried again when it comes once more.
    again = Site(site.disk)
    assert again.begin() == ["a", "b"]
    async with again.running():
        again.configurator.offer(SIGNER.configuration(7, toml("a", "b")))
        again.configurator.offer(b"")
        await asyncio.sleep(0.01)
    assert (again.agent.applied, again.configurator.refusals) == ([], 0)


async def test_one_that_commits_no_reading_is_taken_back() -> None:
    site = Site()
    site.begin()
    async with site.running():
        await site.prove(1, "a")
        site.agent.commits = False
        await site.offer(SIGNER.configuration(2, toml("b")), lambda report: report.refused == 2)
    assert site.configurator.report() == ConfigurationReport(GOOD, 1, 2, "CONFIGURATION_UNHEALTHY")
    assert site.agent.applied[-1] == (["a"], "the centre, version 1")
    assert site.agent.codes[-1] == "configuration_unhealthy"
    assert site.configurator.refusals == 1


async def test_the_first_one_that_fails_leaves_the_gateways_own_file() -> None:
    site = Site()
    site.begin()
    site.agent.connected = False
    async with site.running():
        await site.offer(SIGNER.configuration(1, toml("b")), lambda report: report.refused == 1)
    assert site.configurator.report().state is LOCAL
    assert site.agent.applied[-1] == ([], "the gateway's own file")


async def test_one_that_the_agent_refuses_is_refused_with_its_reason() -> None:
    site = Site()
    site.begin()
    site.agent.refusal = ReloadRefusal("METRICS_PORT", "The port is taken.")
    async with site.running():
        await site.offer(SIGNER.configuration(1, toml("b")), lambda report: report.refused == 1)
    assert site.configurator.report().code == "METRICS_PORT"
    assert site.configurator.table()["reason"] == "The port is taken."


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (STRANGER.configuration(6, toml("b")), "SIGNING_KEY_UNKNOWN"),
        (SIGNER.configuration(6, toml("b"))[:-1] + b"x", "BAD_SIGNATURE"),
        (SIGNER.configuration(6, toml("b"), gateway="gw-2"), "OTHER_GATEWAY"),
        (SIGNER.configuration(5, toml("b")), "CONFIGURATION_STALE"),
        (SIGNER.configuration(6, "[broker]\nurl = 'x'"), "CONFIGURATION_INVALID"),
        (SIGNER.configuration(6, "[[meters]]\nname='a'\nprotocol='none'\n"), "UNKNOWN_PROTOCOL"),
    ],
)
async def test_what_is_not_to_be_believed_is_refused_by_name(payload: bytes, code: str) -> None:
    site = Site()
    site.begin()
    async with site.running():
        await site.prove(5, "a")
        saves, applied = site.disk.saves, list(site.agent.applied)
        await site.offer(payload, lambda report: report.code == code)
        assert site.agent.codes[-1] == code.lower()
        # A broker that keeps it brings it at each connection: one line says it.
        site.configurator.offer(payload)
        await asyncio.sleep(0.01)
    assert site.agent.codes.count(code.lower()) == 1
    assert (site.disk.saves, site.agent.applied) == (saves, applied)
    assert site.configurator.report().version == 5


async def test_a_hostile_broker_cannot_fill_the_record_of_events() -> None:
    site = Site()
    site.begin()
    async with site.running():
        for number in range(4):
            payload = STRANGER.configuration(number + 1, toml("b"))
            announced = site.agent.announced
            site.configurator.offer(payload)
            await site.until(lambda before=announced: site.agent.announced > before)  # type: ignore[misc]
    assert site.agent.codes == ["signing_key_unknown"]
    assert site.configurator.refusals == 4


async def test_an_agent_that_dies_in_the_probation_goes_back() -> None:
    site = Site()
    site.begin()
    site.agent.connected = False
    async with site.running():
        await site.offer(
            SIGNER.configuration(1, toml("b")), lambda report: report.state is PROBATION
        )
    assert Site(site.disk).begin() == ["b"]
    assert Site(site.disk).begin() == ["b"]
    third = Site(site.disk)
    assert third.begin() == []
    assert third.configurator.report().code == "CONFIGURATION_DIED"
    async with third.running():
        await third.until(lambda: third.agent.codes == ["configuration_died"])


async def test_a_stop_that_was_asked_for_is_no_death() -> None:
    site = Site()
    site.begin()
    site.agent.connected = False
    async with site.running():
        await site.offer(
            SIGNER.configuration(1, toml("b")), lambda report: report.state is PROBATION
        )
    for _ in range(5):
        restarted = Site(site.disk)
        assert restarted.begin() == ["b"]
        restarted.configurator.stop()


async def test_a_probation_goes_on_after_a_restart() -> None:
    site = Site()
    site.begin()
    site.agent.connected = False
    async with site.running():
        await site.offer(
            SIGNER.configuration(1, toml("b")), lambda report: report.state is PROBATION
        )
    restarted = Site(site.disk)
    restarted.begin()
    async with restarted.running():
        await restarted.until(lambda: restarted.configurator.report().state is GOOD)


async def test_a_trial_that_no_longer_fits_the_own_file_is_given_up_at_the_start() -> None:
    site = Site()
    site.begin()
    async with site.running():
        await site.prove(1, "a")
        site.agent.connected = False
        await site.offer(
            SIGNER.configuration(2, toml("b")), lambda report: report.state is PROBATION
        )
    # The gateway no longer trusts the key that signed both.
    stranger = local(remote={"keys": [STRANGER.public.hex()]})
    configurator = Configurator(stranger, site.disk.file)
    assert configurator.begin() is stranger
    assert configurator.report().code == "SIGNING_KEY_UNKNOWN"
    assert configurator.refusals == 2


async def test_a_record_that_is_damaged_takes_nothing_new() -> None:
    site = Site(Disk(damage=RemoteStateDamagedError("Neither copy is whole.")))
    assert site.begin() == []
    site.configurator.stop()
    async with site.running():
        site.configurator.offer(SIGNER.configuration(9, toml("b")))
        await site.until(lambda: site.configurator.report().refused == 9)
    assert site.configurator.report().code == "REMOTE_STATE_DAMAGED"
    assert site.agent.applied == []


async def test_a_full_disk_takes_no_configuration_and_says_so() -> None:
    site = Site()
    site.begin()
    site.disk.is_full = True
    async with site.running():
        await site.offer(SIGNER.configuration(1, toml("b")), lambda report: report.refused == 1)
    assert site.configurator.report().code == "REMOTE_STATE_UNWRITABLE"
    assert site.agent.applied == []


@pytest.mark.parametrize("healthy", [True, False])
async def test_an_end_of_probation_that_cannot_be_kept_is_tried_again(healthy: bool) -> None:  # noqa: FBT001
    site = Site()
    site.begin()
    async with site.running():
        site.agent.connected = False
        await site.offer(
            SIGNER.configuration(1, toml("b")), lambda report: report.state is PROBATION
        )
        site.disk.is_full = True
        site.agent.connected = healthy
        turned = site.clock.passed
        await site.until(lambda: site.clock.passed > turned + 200)
        assert site.configurator.report().state is PROBATION
        site.disk.is_full = False
        wanted = GOOD if healthy else LOCAL
        await site.until(lambda: site.configurator.report().state is wanted)


async def test_a_stop_on_a_full_disk_still_stops() -> None:
    site = Site()
    site.begin()
    site.agent.connected = False
    async with site.running():
        await site.offer(
            SIGNER.configuration(1, toml("b")), lambda report: report.state is PROBATION
        )
    restarted = Site(site.disk)
    restarted.begin()
    site.disk.is_full = True
    restarted.configurator.stop()
    with pytest.raises(RemoteStateUnwritableError):
        Site(site.disk).begin()


async def test_the_own_file_read_anew_keeps_the_centres_meters() -> None:
    site = Site()
    site.begin()
    fresh = local(metrics={"port": 9_100})
    assert site.configurator.over(fresh) is fresh
    async with site.running():
        await site.prove(1, "a")
    together = site.configurator.over(local(metrics={"port": 9_200}))
    assert together.metrics.port == 9_200
    assert [meter.name for meter in together.meters] == ["a"]


async def test_a_secret_from_the_centre_is_refused_before_anything_changes(tmp_path: Path) -> None:
    site = Site()
    site.begin()
    secret = toml("a") + f'count_file = "{tmp_path}/count"\n'
    async with site.running():
        await site.offer(SIGNER.configuration(1, secret), lambda report: report.refused == 1)
    assert site.configurator.report().code == ConfigurationInvalidError.code
