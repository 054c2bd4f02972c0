"""The data directory of a private PostgreSQL: made whole or not at all, and reused safely."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from central.adapters.embedded.account import SystemAccount
from central.adapters.embedded.errors import ServerStartError

if TYPE_CHECKING:
    from central.adapters.embedded.account import OwnFolder

SUPERUSER = "meterline"
ORPHAN_PATIENCE_S = 10.0


def ensure_cluster(own: OwnFolder, initdb: Path, major: int, *, durable: bool) -> Path:
    """Return a data directory of this major version, made by `initdb` when there is none.

    It takes its name only when it is complete, so a kill half-way leaves nothing that looks whole.
    The caller holds the folder's lock.

    Raises:
        ServerStartError: initdb failed.
    """
    data = own.path / f"data-{major}"
    if data.is_dir():
        own.give(data)
        _clear_orphan(data)
        return data
    fresh = own.path / f"data-{major}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    account = _initdb_account(own.account)
    if account is not None:
        os.chown(fresh, account.uid, account.gid)
    done = subprocess.run(  # noqa: S603 - a program the caller named
        [
            initdb,
            f"--pgdata={fresh}",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale=C",
            # Whoever reaches the socket in its 0700 folder is the caller; no port listens.
            "--auth=trust",
            *(() if durable else ("--no-sync",)),
        ],
        cwd=own.path,
        env=server_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise ServerStartError(f"initdb failed: {(done.stderr or done.stdout).strip()}")
    own.give(fresh)
    fresh.rename(data)
    return data


def server_environment() -> dict[str, str]:
    """Return the environment of the server's programs: nothing of the caller's but the zone."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _initdb_account(account: SystemAccount | None) -> SystemAccount | None:
    # initdb, unlike the server, looks its user up by name; the private account has none.
    if account is None:
        return None
    entry = pwd.getpwnam("nobody")
    return SystemAccount(entry.pw_uid, entry.pw_gid)


def _clear_orphan(data: Path) -> None:
    """End a server that outlived its watchdog's SIGKILL, and drop an unheld lock file.

    PostgreSQL itself takes any living process with the number in its lock file for its own; after
    a restart of the machine that number may be another's.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    pid = int(lock.read_text().split("\n", 1)[0])
    deadline = time.monotonic() + ORPHAN_PATIENCE_S
    while _serves(pid, data):
        os.kill(pid, signal.SIGQUIT)
        if time.monotonic() > deadline:
            raise ServerStartError(f"A server without supervisor (process {pid}) is using {data}.")
        time.sleep(0.05)
    lock.unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        return False
