"""What the gateway's lock says, as the tools for its package read it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY
from tools.deb import LAUNCHER, put_system_files
from tools.wheels import LOCK, pip_options, platforms, requirements


def test_every_locked_package_of_linux_is_asked_for_with_its_hashes() -> None:
    found = dict(requirements())
    assert {"cryptography", "pydantic-core", "msgpack", "gpiod"} <= found.keys()
    assert "colorama" not in found
    assert all("--hash=sha256:" in entry for entry in found.values())
    hashes = sum(entry.count("--hash=") for entry in found.values())
    assert hashes <= LOCK.read_text().count("--hash=")


def test_pip_looks_for_the_other_machine() -> None:
    assert platforms("aarch64")[0] == "manylinux_2_36_aarch64"
    assert "manylinux2014_aarch64" in platforms("aarch64")
    assert {"--python-version=3.13", "--abi=cp313"} <= set(pip_options("aarch64", "3.13"))


def test_the_package_has_its_files_where_the_documents_say(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/meterline").mkdir(parents=True)
    put_system_files(tmp_path)
    for name in (
        "usr/bin/meterline-edge",
        "usr/lib/meterline/hand-over",
        "usr/lib/meterline/apply-update",
        "usr/lib/systemd/system/meterline-edge.service",
        "usr/share/doc/meterline-edge/remote-gateways.md",
        "etc/meterline/edge.toml",
    ):
        assert (tmp_path / name).is_file()
    assert "/usr/lib/meterline/lib" in (tmp_path / "usr/bin/meterline-edge").read_text()
    assert LAUNCHER.startswith("#!/usr/bin/python3 -IS\n")


@pytest.mark.parametrize("word", ["install", "rollback", "confirm"])
def test_only_the_agent_is_handed_over(word: str) -> None:
    script = REPOSITORY / "deploy/edge/hand-over"
    done = subprocess.run(
        [script, word, "inverter", "1.0", "-", "-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "inverter" in done.stdout) == (3, True)
