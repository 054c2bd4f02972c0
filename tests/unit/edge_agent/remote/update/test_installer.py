"""The installer's command: what it is told, what its exit codes mean, and that it ends."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge_agent.remote.errors import UpdateInstallError, UpdateRefusedError
from edge_agent.remote.update.installer import SAID_MAX, Installer, Verb
from tests.support.size import within


def script(folder: Path, text: str) -> list[str]:
    file = folder / "hook"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return [str(file), "first"]


async def call(command: list[str], timeout_s: float = 10.0) -> None:
    installer = Installer(command, timeout_s)
    await installer.call(Verb.INSTALL, "agent", "2.0", Path("/a"), None)


async def test_it_is_told_what_to_do_and_nothing_of_our_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_EDGE_BROKER__PASSWORD", "secret")
    await call(script(tmp_path, f'echo "$@" > "{tmp_path}/told"; env >> "{tmp_path}/told"'))
    told = (tmp_path / "told").read_text()
    assert told.splitlines()[0] == "first install agent 2.0 /a -"
    assert "secret" not in told


async def test_its_refusal_and_its_failure_are_told_apart_with_its_last_words(
    tmp_path: Path,
) -> None:
    with pytest.raises(UpdateRefusedError, match="not today"):
        await call(script(tmp_path, "echo not today; exit 3"))
    with pytest.raises(UpdateInstallError, match="it broke") as failure:
        await call(script(tmp_path, "yes | head -c 5000000; echo it broke >&2; exit 1"))
    assert len(str(failure.value)) < SAID_MAX + 100
    with pytest.raises(UpdateRefusedError, match="cannot be started"):
        await call([str(tmp_path / "none")])


async def test_one_that_never_ends_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    with within(5), pytest.raises(UpdateInstallError, match="longer"):
        await call(script(tmp_path, f'sleep 600 & echo $! > "{tmp_path}/pid"; wait'), 0.5)
    pid = int((tmp_path / "pid").read_text())
    async with asyncio.timeout(60):
        while Path(f"/proc/{pid}").exists() and _state(pid) != "Z":  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


async def test_a_stop_does_not_wait_for_it(tmp_path: Path) -> None:
    task = asyncio.create_task(call(script(tmp_path, f'echo $$ > "{tmp_path}/pid"; sleep 600')))
    async with asyncio.timeout(60):
        while not (tmp_path / "pid").exists():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
