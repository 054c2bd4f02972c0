"""Whom a private server runs as, and a folder of its own that this account can reach.

PostgreSQL refuses to run as root, so root gives its servers an unprivileged user id that no account
of the machine has. Nothing outside a server's own folder ever has its permissions changed: where
the wanted folder cannot be reached by that user (below a 0700 home, say), another is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from central.adapters.embedded.errors import OwnFolderBusyError, OwnFolderRefusedError

# No distribution hands these out: systemd's table of user ids leaves 60706-61183 unused.
PRIVATE_UIDS = range(60706, 61184)
LOCK = "lock"
LOCK_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class SystemAccount:
    """A user and group id."""

    uid: int
    gid: int


def private_account() -> SystemAccount | None:
    """Return the account for a private server: None for the caller's own, another for root."""
    if os.geteuid() != 0:
        return None
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    uid = next(uid for uid in PRIVATE_UIDS if uid not in taken)
    return SystemAccount(uid, uid)


def reachable(path: Path) -> bool:
    """Tell whether a user who owns nothing may enter every folder down to `path`, and `path`."""
    whole = path.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in (whole, *whole.parents))


class OwnFolder:
    """A folder that belongs to one private server at a time.

    Args:
        wanted: Where it should be; made when missing.
        account: Who shall reach it besides the caller; None for the caller only.

    Raises:
        OwnFolderRefusedError: It exists and belongs to somebody else or is open to others.
    """

    def __init__(self, wanted: Path, account: SystemAccount | None) -> None:
        self.account = account
        self.path = _made(wanted.absolute())
        if account is not None and not reachable(self.path):
            name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
            self.path = _made(temporary_folder() / f"meterline-{name}")
        self._lock_fd: int | None = None

    def lock(self, patience_s: float = LOCK_PATIENCE_S) -> int:
        """Hold the folder against other processes; waits for a server that is just ending.

        Args:
            patience_s: How long to wait for another process to let go.

        Returns:
            The lock's descriptor, to be held by the server's watchdog too.

        Raises:
            OwnFolderBusyError: Another process holds it and does not let go.
        """
        if self._lock_fd is None:
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            deadline = time.monotonic() + patience_s
            while not _locked(descriptor):
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    raise OwnFolderBusyError(
                        f"Another Meterline process runs a server in {self.path}.",
                        value=str(self.path),
                        remedy="Stop it, or choose another folder.",
                    )
                time.sleep(0.05)
            self._lock_fd = descriptor
        return self._lock_fd

    def clear(self) -> None:
        """Remove all but the lock, which the caller holds."""
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()

    def unlock(self) -> None:
        """Let go of the folder."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def part(self, name: str) -> Path:
        """Return the folder `name` inside, mode 0700, made and given to the account."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        self.give(folder)
        return folder

    def give(self, top: Path) -> None:
        """Make the account own `top` and all below it; links are not followed."""
        if self.account is None or top.stat().st_uid == self.account.uid:
            return
        # Bottom up, so that an interrupted walk is taken up again.
        for folder, _, files in os.walk(top, topdown=False):
            for entry in (*(Path(folder, name) for name in files), Path(folder)):
                os.chown(entry, self.account.uid, self.account.gid, follow_symlinks=False)


def _made(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            # Root's servers pass through it to their own part; nobody else can list it.
            folder.chmod(0o711)
    except FileExistsError:
        found = folder.lstat()
        if (
            not stat.S_ISDIR(found.st_mode)
            or found.st_uid != os.geteuid()
            or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise OwnFolderRefusedError(
                f"{folder} belongs to another user or can be written by others.",
                value=str(folder),
                remedy="Remove it, or choose another folder.",
            ) from None
    return folder


def temporary_folder() -> Path:
    """Return a temporary folder that any user can enter.

    Raises:
        OwnFolderRefusedError: This machine has none.
    """
    for place in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")):  # noqa: S108 - `_made` refuses what others could have planted
        if place.is_dir() and reachable(place):
            return place
    raise OwnFolderRefusedError(
        "An unprivileged user cannot enter any temporary folder.",
        remedy="Set TMPDIR to a folder that is open to all users, or run as an ordinary user.",
    )


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
