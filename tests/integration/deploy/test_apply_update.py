"""The package's updater with a real dpkg, in a root of the test's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import Update
from tests.support.data import REPOSITORY
from tests.support.signing import MADE_AT, Signer

DEPLOY = REPOSITORY / "deploy" / "edge"
SIGNER, STRANGER = Signer(7), Signer(8)
CONTROL = """Package: meterline-edge
Version: {version}
Architecture: all
Maintainer: Test <test@localhost>
Description: stands for the real one
"""


@dataclass
class Machine:
    """A root folder with dpkg's own records, and the updater's folders."""

    folder: Path
    patience_s: int = 3

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "METERLINE_UPDATE_FROM": str(self.folder / "handover"),
            "METERLINE_UPDATE_DIR": str(self.kept),
            "METERLINE_UPDATE_EDGE": str(self.folder / "bin" / "meterline-edge"),
            "METERLINE_UPDATE_CONFIG": str(self.folder / "edge.toml"),
            "METERLINE_UPDATE_PATIENCE_S": str(self.patience_s),
            "METERLINE_UPDATE_RETRY_S": "1",
        }

    @property
    def kept(self) -> Path:
        return self.folder / "kept"

    def prepare(self) -> None:
        for name in ("bin", "kept", "root/var/lib/dpkg/info", "root/var/lib/dpkg/updates"):
            (self.folder / name).mkdir(parents=True)
        for name in ("status", "available"):
            (self.folder / "root/var/lib/dpkg" / name).touch()
        root = self.folder / "root"
        where = f"--admindir={root}/var/lib/dpkg"
        dpkg = f"dpkg --force-not-root --force-bad-path --log=/dev/null --root={root}"
        self.command("dpkg", f'exec {shutil.which("dpkg")}{dpkg.removeprefix("dpkg")} "$@"')
        self.command("dpkg-query", f'exec {shutil.which("dpkg-query")} {where} "$@"')
        edge = "from edge_agent.cli import main; main()"
        self.command("meterline-edge", f'cd {REPOSITORY} && exec {sys.executable} -c "{edge}" "$@"')
        (self.folder / "edge.toml").write_text(
            'gateway = "gw-1"\nbroker.url = "mqtt://127.0.0.1:1"\n'
            f'[update]\nkeys = ["{SIGNER.public.hex()}"]\n'
        )
        subprocess.run(
            ["dpkg", "--install", self.package("1.0")],
            env=self.environment,
            check=True,
            capture_output=True,
        )
        shutil.copy(self.package("1.0"), self.kept / "installed.deb")

    def command(self, name: str, text: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def package(self, version: str, *, broken: bool = False) -> Path:
        target = self.folder / f"{version}.deb"
        if target.exists():
            return target
        source = self.folder / f"source-{version}"
        (source / "DEBIAN").mkdir(parents=True)
        (source / "DEBIAN/control").write_text(CONTROL.format(version=version))
        if broken:
            script = source / "DEBIAN/preinst"
            script.write_text('#!/bin/sh\n[ "$1" != upgrade ]\n')
            script.chmod(0o755)
        (source / "release").write_text(version)
        build: list[str | Path] = ["dpkg-deb", "--root-owner-group", "--build", source, target]
        subprocess.run(build, check=True, capture_output=True)
        return target

    @property
    def runs(self) -> str:
        return (self.folder / "root/release").read_text()

    def wait_installed(self, version: str) -> None:
        """Wait until dpkg says that a version is set up, and is done."""
        until = time.monotonic() + 60
        status = self.folder / "root/var/lib/dpkg/status"
        wanted = {"Status: install ok installed", f"Version: {version}"}
        while not wanted <= set(status.read_text().splitlines()):
            assert time.monotonic() < until, status.read_text()
            time.sleep(0.05)

    def hand_over(self, verb: str, announcement: Path | str = "-", deb: Path | str = "-") -> None:
        arguments = [verb, "agent", "2.0", announcement, deb]
        subprocess.run([DEPLOY / "hand-over", *arguments], env=self.environment, check=True)

    def announce(self, deb: Path, version: str = "2.0", signer: Signer = SIGNER) -> None:
        content = deb.read_bytes()
        sha256, url = hashlib.sha256(content).digest(), "https://updates.example/a"
        number = Release.parse(version)
        one = Update("gw-1", "agent", number, None, sha256, len(content), url, MADE_AT)
        (self.folder / "announcement").write_bytes(signer.update(one))
        self.hand_over("install", self.folder / "announcement", deb)

    def apply(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [DEPLOY / "apply-update"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A power cut ends whatever it started with it.
            start_new_session=True,
        )

    def applied(self) -> str:
        with self.apply() as process:
            return process.communicate(timeout=60)[0]

    def at_rest(self) -> bool:
        return not any((self.kept / name).exists() for name in ("pending", "next.deb"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg is not installed, so this is no Debian")
    made = Machine(tmp_path)
    made.prepare()
    return made


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, path
        time.sleep(0.05)


def test_a_confirmed_update_stays(machine: Machine) -> None:
    machine.patience_s = 60
    machine.announce(machine.package("2.0"))
    with machine.apply() as process:
        wait_for(machine.kept / "pending")
        machine.hand_over("confirm")
        assert "confirmed" in process.communicate(timeout=60)[0]
    assert (machine.runs, machine.at_rest()) == ("2.0", True)
    assert (machine.kept / "installed.deb").read_bytes() == machine.package("2.0").read_bytes()
    # It does not come twice, nor does an older one.
    machine.announce(machine.package("2.0"))
    assert "UPDATE_STALE" in machine.applied()


def test_one_that_is_not_confirmed_goes_back(machine: Machine) -> None:
    machine.announce(machine.package("2.0"))
    assert "not confirmed in time" in machine.applied()
    assert (machine.runs, machine.at_rest()) == ("1.0", True)


def test_one_that_the_agent_gives_up_goes_back_at_once(machine: Machine) -> None:
    machine.patience_s = 60
    machine.announce(machine.package("2.0"))
    with machine.apply() as process:
        wait_for(machine.kept / "pending")
        machine.hand_over("rollback")
        assert "not confirmed in time" not in process.communicate(timeout=60)[0]
    assert (machine.runs, machine.at_rest()) == ("1.0", True)


def test_one_that_cannot_be_installed_goes_back(machine: Machine) -> None:
    machine.announce(machine.package("2.0", broken=True))
    assert "going back" in machine.applied()
    assert (machine.runs, machine.at_rest()) == ("1.0", True)


def test_a_power_cut_in_its_probation_does_not_make_it_stay(machine: Machine) -> None:
    machine.announce(machine.package("2.0"))
    with machine.apply() as process:
        wait_for(machine.kept / "pending")
        machine.wait_installed("2.0")
        os.killpg(process.pid, signal.SIGKILL)
    assert (machine.kept / "pending").exists()
    assert "not confirmed in time" in machine.applied()
    assert (machine.runs, machine.at_rest()) == ("1.0", True)


def test_a_power_cut_before_dpkg_began_goes_back(machine: Machine) -> None:
    shutil.copy(machine.package("2.0"), machine.kept / "next.deb")
    (machine.kept / "pending").write_text(f"{int(time.time()) + 1000}\n")
    assert "going back" in machine.applied()
    assert (machine.runs, machine.at_rest()) == ("1.0", True)


def test_nothing_is_believed(machine: Machine) -> None:
    handover, good = machine.folder / "handover", machine.package("2.0")

    def swap(source: Path | None) -> None:
        machine.announce(good)
        (handover / "artefact").unlink()
        if source is None:
            os.mkfifo(handover / "artefact")
        else:
            (handover / "artefact").symlink_to(source)

    def command() -> None:
        machine.announce(good)
        (handover / "request").write_text("install; touch /tmp/x\n" * 1_000)

    attempts: dict[str, Callable[[], None]] = {
        "another signature": lambda: machine.announce(good, signer=STRANGER),
        "another package": lambda: swap(machine.package("3.0")),
        "a link to what root may read": lambda: swap(Path("/etc/passwd")),
        "a pipe": lambda: swap(None),
        "a word that is none": command,
        "signed, but a package of another name": lambda: machine.announce(_renamed(machine), "2.5"),
    }
    for what, attempt in attempts.items():
        attempt()
        machine.applied()
        assert (machine.runs, machine.at_rest()) == ("1.0", True), what
        assert not (handover / "request").exists(), what


def _renamed(machine: Machine) -> Path:
    source = machine.folder / "source-2.5"
    (source / "DEBIAN").mkdir(parents=True)
    text = CONTROL.format(version="2.5").replace("meterline-edge", "sudo")
    (source / "DEBIAN/control").write_text(text)
    target = machine.folder / "2.5.deb"
    build: list[str | Path] = ["dpkg-deb", "--root-owner-group", "--build", source, target]
    subprocess.run(build, check=True, capture_output=True)
    return target
