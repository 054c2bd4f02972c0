"""However a supervisor ends, its server ends with it and can be started again in its place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from central.adapters.embedded.account import OwnFolder, private_account, reachable
from central.adapters.embedded.broker import mosquitto_program
from central.adapters.embedded.errors import OwnFolderBusyError, OwnFolderRefusedError
from tests.support.data import REPOSITORY
from tests.support.processes import gone_within, parent_of, running_in
from tests.support.supervise import KINDS

GONE_S = 60.0
ORDINARY_UID = 65534  # nobody: initdb wants a user that has a name


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "mosquitto" and mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    return str(request.param)


# Only root can try it as another user; for anybody else the one case is that of an ordinary user.
@pytest.fixture(params=[None, ORDINARY_UID] if os.geteuid() == 0 else [None])
def uid(request: pytest.FixtureRequest) -> int | None:
    """The supervisor's user id; None for the caller's own."""
    return None if request.param is None else int(request.param)


@contextmanager
def supervised(
    kind: str, home: Path, uid: int | None
) -> Iterator[tuple[subprocess.Popen[str], Mapping[str, Any]]]:
    """Run a supervisor, and give its process and what it says of its server."""
    process = subprocess.Popen(
        [interpreter(uid), "-m", "tests.support.supervise", kind, str(home)],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        line = process.stdout.readline()
        assert line, "the supervisor ended before its server answered"
        try:
            yield process, json.loads(line)
        finally:
            process.kill()
            assert gone_within(home, GONE_S)


def interpreter(uid: int | None) -> str:
    """Return a Python that the user may run: a managed one may lie in root's home."""
    if uid is None:
        return sys.executable
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, system):
        if reachable(REPOSITORY) and Path(found).exists() and reachable(Path(found)):
            return found
    pytest.skip(f"another user cannot reach both {REPOSITORY} and {sys.executable} or {system}")


@pytest.fixture
def home(server_home: Path, uid: int | None) -> Path:
    parent = server_home / "parent"
    parent.mkdir(mode=0o755)
    if uid is not None:
        os.chown(parent, uid, uid)
    return parent / "home"


def test_a_server_hears_no_ctrl_c_is_nobodys_root_and_stop_leaves_no_process(
    kind: str, home: Path, uid: int | None
) -> None:
    account = private_account()
    wanted = uid if uid is not None else os.geteuid() if account is None else account.uid
    with supervised(kind, home, uid) as (process, said):
        assert said["pid"] in running_in(home)
        # Ctrl-C at the terminal reaches the supervisor's session only.
        assert os.getsid(said["pid"]) != os.getsid(process.pid)
        assert os.getsid(parent_of(said["pid"])) != os.getsid(process.pid)
        if kind in {"postgres", "mosquitto"}:
            assert Path(f"/proc/{said['pid']}").stat().st_uid == wanted
            assert wanted != 0
        process.communicate("\n")
        assert process.returncode == 0
        assert not running_in(home)


def test_sigkill_of_the_supervisor_leaves_no_process_and_a_usable_folder(
    kind: str, home: Path, uid: int | None
) -> None:
    with supervised(kind, home, uid) as (process, said):
        assert said["pid"] in running_in(home)
        process.kill()
        process.wait()
        # The next supervisor waits by itself for what is still ending.
        with supervised(kind, home, uid) as (_, again):
            assert again["pid"] != said["pid"]
            assert again["dsn"] == said["dsn"]


def test_sigkill_of_the_watchdog_leaves_no_process(kind: str, home: Path, uid: int | None) -> None:
    with supervised(kind, home, uid) as (_, said):
        os.kill(parent_of(said["pid"]), signal.SIGKILL)
        assert gone_within(home, GONE_S)


def test_a_second_supervisor_is_kept_out(home: Path, uid: int | None) -> None:
    with supervised("postgres", home, uid):
        if uid is None:
            with pytest.raises(OwnFolderBusyError):
                OwnFolder(home, None).lock(patience_s=0.1)
        else:
            with pytest.raises(OwnFolderRefusedError):
                OwnFolder(home, None)
