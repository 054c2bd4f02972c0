"""An announced update is checked, fetched, installed, watched, and taken back."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config.settings import EdgeConfig, parse_config
from edge_agent.remote.errors import (
    RemoteStateDamagedError,
    UpdateInstallError,
    UpdateRefusedError,
)
from edge_agent.remote.update import service
from edge_agent.remote.update.installer import Installer, Verb
from edge_agent.remote.update.service import Updater, manifest_path, running_release
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import Update
from firmware_bridge.contract.reports import UpdateReport, UpdateState
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON
from tests.support.edge_remote import Disk, RunningAgent
from tests.support.signing import MADE_AT, Signer

SIGNER = Signer(5)
CONTENT = b"a package"
ONE, TWO, THREE = (Release.parse(number) for number in ("1.0", "2.0", "3.0"))


class Site:
    """An updater with artefacts in a folder and an installer that the test plays."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        disk: Disk | None = None,
        running: Release | None = ONE,
    ) -> None:
        self.folder = folder
        self.disk = disk or Disk()
        self.clock = HandClock(now=NOON)
        self.agent = RunningAgent(self.clock)
        self.calls: list[tuple[Verb, str, str]] = []
        self.outcomes: dict[Verb, Exception] = {}
        (folder / "artefact").write_bytes(CONTENT)
        self.updater = Updater(self.config(), self.disk.file, running)
        monkeypatch.setattr(Installer, "call", self._call)

    def config(self) -> EdgeConfig:
        return parse_config(
            {
                "gateway": "gw-1",
                "buffer": {"path": str(self.folder / "buffer.db")},
                "broker": {"url": "mqtt://127.0.0.1:1883"},
                "update": {
                    "keys": [SIGNER.public.hex()],
                    "install": ["install"],
                    "components": ["agent", "inverter"],
                    "max_mib": 1,
                    "probation_s": 60,
                    "install_s": 30,
                    "starts": 2,
                },
                "meters": [],
            }
        )

    async def _call(
        self, verb: Verb, component: str, number: str, manifest: Path | None, file: Path | None
    ) -> None:
        if verb is not Verb.ROLLBACK or file is not None:
            assert file is not None
            assert await asyncio.to_thread(file.read_bytes) == CONTENT
            assert manifest == manifest_path(file)
            assert await asyncio.to_thread(manifest.exists)
        self.calls.append((verb, component, number))
        await asyncio.sleep(0)
        if (failure := self.outcomes.get(verb)) is not None:
            raise failure

    def announced(self, **changed: Any) -> bytes:  # noqa: ANN401 - fields of an update
        sha256 = hashlib.sha256(CONTENT).digest()
        url = (self.folder / "artefact").as_uri()
        base = Update("gw-1", "inverter", TWO, None, sha256, len(CONTENT), url, MADE_AT)
        return SIGNER.update(replace(base, **changed))

    @property
    def report(self) -> UpdateReport | None:
        return next(iter(self.updater.rollouts.reports()), None)

    @property
    def state(self) -> UpdateState | None:
        return None if self.report is None else self.report.state

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.updater.run(self.agent, self.clock))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.0005)

    async def offer(self, payload: bytes, *ends: UpdateState) -> None:
        self.updater.offer(payload)
        await self.until(lambda: self.state in ends)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


async def test_an_update_is_fetched_installed_watched_and_confirmed(site: Site) -> None:
    site.updater.begin()
    async with site.running():
        await site.offer(site.announced(), UpdateState.INSTALLED)
    assert site.calls == [(Verb.INSTALL, "inverter", "2"), (Verb.CONFIRM, "inverter", "2")]
    assert site.report == UpdateReport("inverter", "2", UpdateState.INSTALLED, None)
    details = [detail for _, detail in site.agent.notes]
    assert details == [
        f"inverter 2: {state}." for state in ("fetching", "installing", "probation", "installed")
    ]
    assert site.agent.announced == 4
    assert [figure.value for figure in site.updater.rollouts.figures()] == [0.0, 0]


async def test_an_announcement_that_comes_again_is_not_tried_again(site: Site) -> None:
    async with site.running():
        await site.offer(site.announced(), UpdateState.INSTALLED)
        calls = list(site.calls)
        site.updater.offer(site.announced())
        site.updater.offer(b"")
        await asyncio.sleep(0.02)
    assert site.calls == calls
    assert site.updater.rollouts.refusals == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"gateway": "gw-2"}, "OTHER_GATEWAY"),
        ({"component": "other"}, "UPDATE_COMPONENT"),
        ({"size": 2 * 1024 * 1024}, "UPDATE_TOO_LARGE"),
        ({"minimum": ONE}, "UPDATE_STEP"),
        ({"component": "agent", "version": ONE}, "UPDATE_STALE"),
    ],
)
async def test_what_may_not_be_installed_is_refused_by_name(
    site: Site, changes: dict[str, object], code: str
) -> None:
    async with site.running():
        await site.offer(site.announced(**changes), UpdateState.REFUSED)
        assert site.report is not None
        assert site.report.code == code
        # A broker that keeps it brings it at each connection: one line says it.
        announced = site.agent.announced
        site.updater.offer(site.announced(**changes))
        await asyncio.sleep(0.01)
        assert site.agent.announced == announced
        # What may be installed still is, and takes the refusal's place.
        await site.offer(site.announced(), UpdateState.INSTALLED)
    assert site.agent.codes[0] == code.lower()


async def test_an_agent_of_no_release_takes_no_update_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, monkeypatch, running=None)
    async with site.running():
        await site.offer(site.announced(component="agent"), UpdateState.REFUSED)
    assert site.report is not None
    assert site.report.code == "UPDATE_COMPONENT"


async def test_a_hostile_broker_cannot_fill_the_record_of_events(site: Site) -> None:
    payloads = [site.announced(gateway="gw-2"), site.announced(component="other")]
    async with site.running():
        for payload in payloads * 3:
            announced = site.agent.announced
            site.updater.offer(payload)
            await site.until(lambda before=announced: site.agent.announced > before)  # type: ignore[misc]
    assert site.agent.codes == ["other_gateway", "update_component"]
    assert site.updater.rollouts.refusals == 6


async def test_an_artefact_that_is_not_there_is_tried_ever_later(site: Site) -> None:
    (site.folder / "artefact").unlink()
    async with site.running():
        await site.offer(site.announced(), UpdateState.FETCHING)
        began = site.clock.passed
        await site.until(lambda: site.clock.passed > began + 200)
        (site.folder / "artefact").write_bytes(CONTENT)
        await site.until(lambda: site.state is UpdateState.INSTALLED)


async def test_a_newer_announcement_takes_the_place_of_one_that_cannot_be_fetched(
    site: Site,
) -> None:
    missing = (site.folder / "missing").as_uri()
    async with site.running():
        await site.offer(site.announced(url=missing), UpdateState.FETCHING)
        site.updater.offer(site.announced(version=THREE))
        await site.until(lambda: site.state is UpdateState.INSTALLED)
    assert site.calls[0] == (Verb.INSTALL, "inverter", "3")


async def test_an_artefact_of_another_content_is_refused(site: Site) -> None:
    async with site.running():
        payload = site.announced(sha256=hashlib.sha256(b"other").digest())
        await site.offer(payload, UpdateState.REFUSED)
    assert site.report is not None
    assert site.report.code == "UPDATE_CONTENT"
    assert site.calls == []


async def test_a_refusal_of_the_installer_changes_nothing(site: Site) -> None:
    site.outcomes[Verb.INSTALL] = UpdateRefusedError("Not on this board.")
    async with site.running():
        await site.offer(site.announced(), UpdateState.REFUSED)
    assert site.calls == [(Verb.INSTALL, "inverter", "2")]
    (row,) = site.updater.rollouts.table()
    said = "Not on this board. Announce an update that the component takes."
    assert (row["code"], row["reason"]) == ("UPDATE_REFUSED", said)


async def test_a_failed_installation_is_rolled_back(site: Site) -> None:
    site.outcomes[Verb.INSTALL] = UpdateInstallError("It broke off.")
    async with site.running():
        await site.offer(site.announced(), UpdateState.ROLLED_BACK)
    assert [verb for verb, _, _ in site.calls] == [Verb.INSTALL, Verb.ROLLBACK]
    assert site.calls[-1] == (Verb.ROLLBACK, "inverter", "-")
    assert site.updater.rollouts.refusals == 1


async def test_an_unhealthy_version_is_rolled_back_to_the_one_before(site: Site) -> None:
    async with site.running():
        await site.offer(site.announced(), UpdateState.INSTALLED)
        site.agent.connected = False
        await site.offer(site.announced(version=THREE), UpdateState.ROLLED_BACK)
    assert site.calls[-1] == (Verb.ROLLBACK, "inverter", "2")
    assert site.report == UpdateReport("inverter", "3", UpdateState.ROLLED_BACK, "UPDATE_UNHEALTHY")


async def test_a_rollback_that_fails_again_and_again_needs_a_person(site: Site) -> None:
    site.agent.connected = False
    site.outcomes[Verb.ROLLBACK] = UpdateInstallError("It broke off.")
    async with site.running():
        await site.offer(site.announced(), UpdateState.ROLLED_BACK)
    assert site.report is not None
    assert site.report.code == "UPDATE_ROLLBACK"


async def test_a_confirmation_that_fails_does_not_undo_a_good_version(site: Site) -> None:
    site.outcomes[Verb.CONFIRM] = UpdateInstallError("Nobody there.")
    async with site.running():
        await site.offer(site.announced(), UpdateState.INSTALLED)


async def test_an_artefact_that_went_bad_before_it_was_installed_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = service.write_manifest

    def spoil(artefact: Path, payload: bytes) -> None:
        write(artefact, payload)
        artefact.write_bytes(b"something else")

    monkeypatch.setattr(service, "write_manifest", spoil)
    async with site.running():
        await site.offer(site.announced(), UpdateState.REFUSED)
    assert site.calls == []


async def test_an_update_of_the_agent_waits_for_its_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, monkeypatch)
    payload = site.announced(component="agent")
    waiting = asyncio.Event()

    async def wait(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(site.clock, "sleep", wait)
    async with site.running():
        site.updater.offer(payload)
        await asyncio.wait_for(waiting.wait(), 60)
    again = Site(tmp_path, monkeypatch, site.disk, running=TWO)
    again.updater.begin()
    assert again.state is UpdateState.PROBATION
    async with again.running():
        await again.until(lambda: again.state is UpdateState.INSTALLED)
    assert again.calls == [(Verb.CONFIRM, "agent", "2")]


async def test_an_agent_that_was_not_restarted_goes_back(site: Site) -> None:
    async with site.running():
        await site.offer(site.announced(component="agent"), UpdateState.ROLLED_BACK)
    assert (Verb.ROLLBACK, "agent", "-") in site.calls
    assert site.report is not None
    assert site.report.code == "UPDATE_ROLLBACK"


async def test_an_update_of_another_component_has_its_turn_later(site: Site) -> None:
    site.agent.connected = False
    async with site.running():
        await site.offer(site.announced(), UpdateState.PROBATION, UpdateState.ROLLED_BACK)
        await site.until(lambda: site.state is UpdateState.ROLLED_BACK)
        site.agent.connected = True
        await site.offer(site.announced(version=THREE), UpdateState.INSTALLED)
    assert site.calls[-1] == (Verb.CONFIRM, "inverter", "3")


async def test_a_full_disk_stops_nothing_for_good(site: Site) -> None:
    async with site.running():
        await site.offer(site.announced(), UpdateState.FETCHING, UpdateState.INSTALLING)
        site.disk.is_full = True
        began = site.clock.passed
        await site.until(lambda: site.clock.passed > began + 300)
        site.disk.is_full = False
        await site.until(lambda: site.state is UpdateState.INSTALLED)


async def test_a_record_that_is_damaged_takes_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(damage=RemoteStateDamagedError("Neither copy is whole."))
    site = Site(tmp_path, monkeypatch, disk)
    site.updater.begin()
    async with site.running():
        await site.offer(site.announced(), UpdateState.REFUSED)
        await asyncio.sleep(0.01)
    assert site.report is not None
    assert site.report.code == "REMOTE_STATE_DAMAGED"
    assert site.calls == []


async def test_a_stop_that_was_asked_for_is_no_death(site: Site) -> None:
    site.agent.connected = False
    async with site.running():
        await site.offer(site.announced(), UpdateState.PROBATION)
    states = []
    for _ in range(5):
        site.updater.begin()
        site.updater.rollouts.stop()
        states.append(site.state)
    assert set(states) == {UpdateState.PROBATION}
    site.updater.begin()
    site.disk.is_full = True
    site.updater.rollouts.stop()
    site.disk.is_full = False
    for _ in range(2):
        site.updater.begin()
    assert site.state is UpdateState.ROLLING_BACK


def test_a_record_of_an_earlier_release_is_still_read(site: Site) -> None:
    site.disk.fields = {
        "v": 1,
        "courses": [
            {
                "component": "inverter",
                "phase": "idle",
                "floor": "2",
                "current": None,
                "target": None,
                "starts": 0,
                "trouble": None,
                "outcome": ["2", "refused", bytes(32), "UPDATE_CONTENT", "It is another file."],
            }
        ],
    }
    site.updater.begin()
    assert site.report == UpdateReport("inverter", "2", UpdateState.REFUSED, "UPDATE_CONTENT")


@pytest.mark.parametrize(
    ("installed", "release"), [(None, None), ("2.1", Release.parse("2.1")), ("nightly", None)]
)
def test_only_a_release_has_an_order(
    installed: str | None, release: Release | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "software_version", lambda: installed)
    assert running_release() == release
