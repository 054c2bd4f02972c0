"""Updates from announcement to proof or way back: real broker, web server, installer, processes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from edge_agent.cancellation import end
from edge_agent.remote.state_file import StateFile
from edge_agent.remote.update.state_codec import pack_rollouts
from edge_agent.remote.update.state_machine import AnnouncedArtefact, Rollout, UpdatePhase
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import Status, decode_status
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import Update
from firmware_bridge.contract.reports import UpdateState
from tests.support.artefact_server import ArtefactServer, artefact_server
from tests.support.signing import MADE_AT, Signer
from tests.support.size import sized

from .conftest import GATEWAY, VirtualMeters, as_toml, virtual_meters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker

SIGNER, STRANGER = Signer(3), Signer(4)
OLD, NEW = Release.parse("1.0"), Release.parse("2.0")
CONTENT = b"what is installed" * 1_000
# On a machine that is busy with other tests.
LATE_S, PATIENCE_S = 40.0, 60.0
# As a package does: the other version is put in place, and the service started anew.
HOOK = """#!/bin/sh
cd "{folder}" || exit 1
echo "$1 $2 $3" >> calls
case "$1" in
  install) [ -e refuse ] && echo "not on a Monday" && exit 3
           [ "$2" = agent ] || exit 0
           cmp -s "$5" artefact || exit 1
           next=$3 ;;
  rollback) [ "$2" = agent ] || exit 0
            next=1 ;;
  *) exit 0 ;;
esac
ln -sfn "versions/$next" next && mv -T next current
(sleep 0.1; kill -TERM "$(cat pid)") > /dev/null 2>&1 &
"""


@dataclass
class Gateway:
    """One in a folder of its own, started anew whenever it ends, as systemd does."""

    folder: Path
    starts: int = 0

    def install_releases(self) -> None:
        ours = distribution("meterline")
        for number in ("1", "2"):
            info = self.folder / "versions" / number / f"meterline-{number}.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: meterline\nVersion: {number}\n"
            )
            (info / "entry_points.txt").write_text(ours.read_text("entry_points.txt") or "")
        (self.folder / "artefact").write_bytes(CONTENT)
        hook = self.folder / "hook"
        hook.write_text(HOOK.format(folder=self.folder))
        hook.chmod(0o755)
        self.run_release("1")

    def run_release(self, number: str) -> None:
        current = self.folder / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(self.folder / "versions" / number)

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    async def run(self) -> None:
        while True:
            self.starts += 1
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from edge_agent.cli import main; main()"),
                *("run", "--config", str(self.folder / "edge.toml")),
                env=os.environ | {"PYTHONPATH": str(self.folder / "current")},
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                (self.folder / "pid").write_text(str(process.pid))
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


@dataclass
class World:
    """All of it."""

    gateway: Gateway
    place: ArtefactServer
    site: VirtualMeters
    client: aiomqtt.Client
    seen: list[Status] = field(default_factory=list)
    read: int = 0

    async def announce(self, payload: bytes) -> None:
        await self.client.publish(topics.command(GATEWAY), payload, qos=1, retain=True)

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.seen.append(decode_status(message.payload))

    async def until(self, state: UpdateState, code: str | None = None) -> Status:
        def found(status: Status) -> bool:
            return any((one.state, one.code) == (state, code) for one in status.updates)

        return await self.see(found)

    async def see(self, wanted: Callable[[Status], bool]) -> Status:
        """The next status that is as wanted; the last one that was looked at counts too."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for index in range(self.read, len(self.seen)):
                    if wanted(self.seen[index]):
                        self.read = index
                        return self.seen[index]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def world(
    broker: EmbeddedBroker,
    folder: Path,
    *,
    running: bool = True,
    **update: Any,  # noqa: ANN401 - settings
) -> AsyncIterator[World]:
    gateway = Gateway(folder)
    gateway.install_releases()
    async with virtual_meters(days=1) as site:
        with broker, artefact_server(files={"/a": CONTENT}) as place:
            table = site.config(folder, broker.port, period_s=1, load_profile=False)
            settings = {
                "keys": [SIGNER.public.hex()],
                "install": [str(folder / "hook")],
                "components": ["agent", "inverter"],
                "probation_s": 0.6,
                "late_s": LATE_S,
                "install_s": 30.0,
                "starts": 2,
            } | update
            lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
            (folder / "edge.toml").write_text(as_toml(table) + f"[update]\n{lines}")
            async with aiomqtt.Client("127.0.0.1", broker.port) as client:
                await client.subscribe(topics.status(GATEWAY), qos=1)
                scene = World(gateway, place, site, client)
                tasks = [asyncio.create_task(scene.listen())]
                if running:
                    tasks.append(asyncio.create_task(gateway.run()))
                try:
                    yield scene
                finally:
                    await end(*tasks)


def update(place: ArtefactServer, version: str = "2.0", **changed: Any) -> Update:  # noqa: ANN401 - fields
    sha256 = hashlib.sha256(CONTENT).digest()
    base = Update(
        GATEWAY,
        "agent",
        Release.parse(version),
        None,
        sha256,
        len(CONTENT),
        place.url("/a"),
        MADE_AT,
    )
    return replace(base, **changed)


async def test_an_update_proves_itself(mosquitto: EmbeddedBroker, tmp_path: Path) -> None:
    async with world(mosquitto, tmp_path) as scene:
        await scene.announce(SIGNER.update(update(scene.place)))
        status = await scene.until(UpdateState.INSTALLED)
        assert status.agent == "meterline-edge 2"
        assert scene.gateway.calls == ["install agent 2", "confirm agent 2"]
        # An older one does not come back, nor the same under another announcement.
        for version in ("1.5", "2.0"):
            await scene.announce(SIGNER.update(update(scene.place, version, size=7)))
            await scene.until(UpdateState.REFUSED, "UPDATE_STALE")
        assert scene.gateway.starts == 2


async def test_firmware_goes_the_same_way(mosquitto: EmbeddedBroker, tmp_path: Path) -> None:
    async with world(mosquitto, tmp_path) as scene:
        await scene.announce(SIGNER.update(update(scene.place, "7.1", component="inverter")))
        await scene.until(UpdateState.INSTALLED)
        assert scene.gateway.calls == ["install inverter 7.1", "confirm inverter 7.1"]
        assert scene.gateway.starts == 1


async def test_one_that_is_killed_in_its_probation_goes_back(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with world(mosquitto, tmp_path, probation_s=30.0) as scene:
        await scene.announce(SIGNER.update(update(scene.place)))
        for _ in range(2):
            await scene.until(UpdateState.PROBATION)
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
            await scene.see(lambda status: not status.updates)
        status = await scene.until(UpdateState.ROLLED_BACK, "UPDATE_DIED")
        assert status.agent == "meterline-edge 1"
        assert scene.gateway.calls == ["install agent 2", "rollback agent -"]


async def test_one_with_which_nothing_is_read_goes_back(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with world(mosquitto, tmp_path, late_s=0.1) as scene:
        await scene.see(lambda _: True)
        await scene.site.server.__aexit__(None, None, None)
        await scene.announce(SIGNER.update(update(scene.place)))
        status = await scene.until(UpdateState.ROLLED_BACK, "UPDATE_UNHEALTHY")
        assert status.agent == "meterline-edge 1"
        await scene.site.server.__aenter__()


async def test_hostile_announcements_are_refused_by_name_before_anything_is_fetched(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with world(mosquitto, tmp_path, max_mib=1) as scene:
        place = scene.place
        bent = bytearray(SIGNER.update(update(place)))
        bent[-1] ^= 1
        hostile = {
            "SIGNING_KEY_UNKNOWN": STRANGER.update(update(place)),
            "BAD_SIGNATURE": bytes(bent),
            "OTHER_GATEWAY": SIGNER.update(update(place, gateway="gw-2")),
            "UPDATE_STALE": SIGNER.update(update(place, "1.0")),
            "UPDATE_STEP": SIGNER.update(update(place, "3.0", minimum=NEW)),
            "UPDATE_COMPONENT": SIGNER.update(update(place, component="fridge")),
            "UPDATE_TOO_LARGE": SIGNER.update(update(place, size=2**21)),
            # A configuration is no update, whoever signed it.
            "SCHEMA": SIGNER.configuration(9, "meters = []"),
            "BAD_MAGIC": b"\x00" * 90,
        }
        for code, payload in hostile.items():
            await scene.announce(payload)
            await scene.until(UpdateState.REFUSED, code)
        assert place.asked == []
        assert not (tmp_path / "buffer.db.update").exists()
        # Then what is not what was signed, and what the installer does not want.
        await scene.announce(SIGNER.update(update(place, sha256=bytes(32))))
        await scene.until(UpdateState.REFUSED, "UPDATE_CONTENT")
        (tmp_path / "refuse").touch()
        await scene.announce(SIGNER.update(update(place)))
        await scene.until(UpdateState.REFUSED, "UPDATE_REFUSED")
        assert scene.gateway.calls == ["install agent 2"]
        assert scene.gateway.starts == 1


STEPS = {
    "while fetching": (UpdatePhase.FETCHING, "1", UpdateState.INSTALLED, None),
    "after it had installed": (UpdatePhase.INSTALLING, "2", UpdateState.INSTALLED, None),
    "handed over, and nothing came": (
        UpdatePhase.HANDED_OVER,
        "1",
        UpdateState.ROLLED_BACK,
        "UPDATE_INSTALL",
    ),
    "in its probation": (UpdatePhase.PROBATION, "2", UpdateState.INSTALLED, None),
    "in its probation, and it was put back": (
        UpdatePhase.PROBATION,
        "1",
        UpdateState.ROLLED_BACK,
        "UPDATE_REVERTED",
    ),
    "while going back": (
        UpdatePhase.ROLLING_BACK,
        "2",
        UpdateState.ROLLED_BACK,
        "UPDATE_UNHEALTHY",
    ),
    "before the installer was called": (UpdatePhase.INSTALLING, "1", UpdateState.INSTALLED, None),
    "after it was handed over": (UpdatePhase.HANDED_OVER, "2", UpdateState.INSTALLED, None),
    "after it went back": (
        UpdatePhase.ROLLING_BACK,
        "1",
        UpdateState.ROLLED_BACK,
        "UPDATE_UNHEALTHY",
    ),
}
# The last three when asked for: the unit tests hold their laws too.
TRIED = dict(list(STEPS.items())[: sized("METERLINE_UPDATE_STEPS", 6, 9)])


@pytest.mark.parametrize(("phase", "runs", "state", "code"), TRIED.values(), ids=TRIED.keys())
async def test_a_power_cut_at_any_step(  # noqa: PLR0913, PLR0917 - one row of the table
    mosquitto: EmbeddedBroker,
    tmp_path: Path,
    phase: UpdatePhase,
    runs: str,
    state: UpdateState,
    code: str | None,
) -> None:
    """What the record says is all that the agent knows when the power is back."""
    # Where nothing comes of it, that is not waited for as long as where something does.
    install_s = 4.0 if code == "UPDATE_INSTALL" else 30.0
    async with world(mosquitto, tmp_path, running=False, install_s=install_s) as scene:
        payload = SIGNER.update(update(scene.place))
        artefact = AnnouncedArtefact(NEW, hashlib.sha256(CONTENT).digest(), len(CONTENT), payload)
        rollout = Rollout(
            "agent",
            phase,
            floor=None if phase is UpdatePhase.FETCHING else NEW,
            target=artefact,
            trouble=("UPDATE_UNHEALTHY", "x") if phase is UpdatePhase.ROLLING_BACK else None,
        )
        StateFile(tmp_path / "buffer.db.update").save(pack_rollouts([rollout]))
        spool = tmp_path / "spool"
        spool.mkdir()
        name = artefact.sha256.hex()
        if phase is UpdatePhase.FETCHING:
            (spool / f"{name}.part").write_bytes(CONTENT[:500])
        else:
            (spool / name).write_bytes(CONTENT)
            (spool / f"{name}.signed").write_bytes(payload)
        scene.gateway.run_release(runs)
        task = asyncio.create_task(scene.gateway.run())
        try:
            status = await scene.until(state, code)
        finally:
            await end(task)
        assert status.agent == f"meterline-edge {2 if state is UpdateState.INSTALLED else 1}"
