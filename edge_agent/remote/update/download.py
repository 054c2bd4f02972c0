"""Fetches an artefact: bounded, resumed where it was cut off, and checked before it has its name.

Blocking, for a thread: the standard library's client needs nothing that a gateway lacks.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlsplit

from edge_agent.remote.errors import (
    RemoteStateUnwritableError,
    UpdateContentError,
    UpdateFetchError,
    UpdateTooLargeError,
)
from firmware_bridge.durable_file import sync_folder

CHUNK_BYTES: Final = 64 * 1024
# A stop waits so long for a server that is silent.
TIMEOUT_S: Final = 10.0
ROOM_LEFT_BYTES: Final = 64 * 1024 * 1024
_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416


class Spool:
    """The folder where artefacts are kept, each under its hash.

    Args:
        folder: Made where it is missing.
        room_left: What the disk must keep for readings. [bytes]
    """

    def __init__(self, folder: Path, room_left: int = ROOM_LEFT_BYTES) -> None:
        self.folder = folder
        self._room_left = room_left

    def path(self, sha256: bytes) -> Path:
        """Where an artefact stands once it is whole."""
        return self.folder / sha256.hex()

    def partial(self, sha256: bytes) -> Path:
        """Where it stands until then."""
        return self.folder / f"{sha256.hex()}.part"

    def prepare(self, sha256: bytes, size: int) -> None:
        """Make the folder, and see that an artefact fits beside the readings.

        Raises:
            UpdateTooLargeError: It does not.
            RemoteStateUnwritableError: The folder cannot be made.
        """
        with _explained(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            disk = os.statvfs(self.folder)
            part = self.partial(sha256)
            missing = size - (part.stat().st_size if part.exists() else 0)
        if disk.f_bavail * disk.f_frsize - missing < self._room_left:
            message = f"The disk has no space for {size} bytes besides the readings."
            raise UpdateTooLargeError(message, value=size)

    def keep_only(self, wanted: set[bytes]) -> None:
        """Remove every artefact but these, and every part of another."""
        names = {sha256.hex() for sha256 in wanted}
        if self.folder.is_dir():
            for file in self.folder.iterdir():
                if file.name.partition(".")[0] not in names:
                    file.unlink(missing_ok=True)

    def is_whole(self, sha256: bytes, size: int) -> bool:
        """Whether an artefact is there and still what was signed. Reads all of it.

        Raises:
            RemoteStateUnwritableError: The disk is in the way.
        """
        path = self.path(sha256)
        with _explained(path):
            return path.is_file() and path.stat().st_size == size and _digest(path) == sha256


class Fetcher:
    """Fetches into a spool.

    Args:
        spool: Where to.
        tls: Whom to trust at https addresses; None for the system's authorities.

    Attributes:
        cancelled: Set to give up soon; the part is kept.
    """

    def __init__(self, spool: Spool, tls: ssl.SSLContext | None = None) -> None:
        self.cancelled = threading.Event()
        self._spool = spool
        self._tls = tls

    def fetch(self, url: str, sha256: bytes, size: int) -> None:
        """Have an artefact in the spool, going on where an earlier call was cut off.

        Args:
            url: https, http or file.
            sha256: What it must be.
            size: How long it must be. [bytes]

        Raises:
            UpdateFetchError: Not now; the part is kept for the next call.
            UpdateContentError: It is another file than the one that was signed; the part is gone.
            UpdateTooLargeError, RemoteStateUnwritableError: It cannot be kept.
        """
        spool = self._spool
        spool.prepare(sha256, size)
        if spool.is_whole(sha256, size):
            return
        part = spool.partial(sha256)
        with _explained(part), part.open("ab") as file:
            if file.tell() > size:
                _empty(file)
            if file.tell() < size:
                self._receive(file, url, size)
            file.flush()
            # Not `write_durably`: a download goes on where it ended, and may exceed the memory.
            os.fsync(file.fileno())
        with _explained(part):
            if part.stat().st_size != size or _digest(part) != sha256:
                part.unlink()
                message = "The hash of the downloaded file is not that of the signed artefact."
                raise UpdateContentError(message, value=url)
            part.replace(spool.path(sha256))
            sync_folder(spool.folder)

    def _receive(self, file: IO[bytes], url: str, size: int) -> None:
        have = file.tell()
        with _opened(url, have, self._tls) as (source, begins_at):
            if begins_at != have:
                have = _empty(file)
            # One byte more than there may be shows what is longer.
            while have <= size and (chunk := self._read(source, url, have, size - have + 1)):
                file.write(chunk)
                have += len(chunk)
        if have < size:
            message = f"The download of {url} ended after {have} of {size} bytes."
            raise UpdateFetchError(message, value=url)

    def _read(self, source: BufferedIOBase, url: str, have: int, most: int) -> bytes:
        if self.cancelled.is_set():
            message = "The agent stops. It downloads the rest when it runs again."
            raise UpdateFetchError(message, value=url)
        try:
            # What has come, not all that was asked for: it may come a byte at a time.
            return source.read1(min(CHUNK_BYTES, most))
        except (OSError, HTTPException) as error:
            message = f"The download of {url} stopped after {have} bytes: {error}."
            raise UpdateFetchError(message, value=url) from error


@contextmanager
def _opened(
    url: str, have: int, tls: ssl.SSLContext | None
) -> Iterator[tuple[BufferedIOBase, int]]:
    """The rest of what stands at an address, and where it begins."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        with _local(Path(unquote(parts.path))) as source:
            source.seek(have)
            yield source, have
        return
    handlers: list[urllib.request.BaseHandler] = [_StayOnScheme()]
    if tls is not None:
        handlers.append(urllib.request.HTTPSHandler(context=tls))
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(url)  # noqa: S310 - the contract has https, http and file
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == _UNSATISFIABLE:
            with _opened(url, 0, tls) as whole:
                yield whole
            return
        message = f"{url} answered with HTTP status {error.code}."
        raise UpdateFetchError(message, value=url) from None
    except (OSError, HTTPException, ValueError) as error:
        message = f"{url} is unavailable: {error}."
        raise UpdateFetchError(message, value=url) from error
    with answer:
        yield answer, have if answer.status == _PARTIAL else 0


@contextmanager
def _local(path: Path) -> Iterator[BufferedIOBase]:
    try:
        # A pipe or a device would keep us waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        message = f"{path} is unavailable: {error.strerror}."
        raise UpdateFetchError(message, value=str(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = f"{path} is not a file."
        raise UpdateFetchError(message, value=str(path))
    with os.fdopen(descriptor, "rb") as source:
        yield source


class _StayOnScheme(urllib.request.HTTPRedirectHandler):
    """Follows no redirection from https to http, nor from either to anything else."""

    def redirect_request(  # noqa: PLR0913, PLR0917 - the standard library's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: object,
        newurl: str,
    ) -> urllib.request.Request | None:
        """See the standard library."""
        if urlsplit(newurl).scheme not in {req.type, "https"}:
            message = f"{req.full_url} redirects to another kind of address."
            raise UpdateFetchError(message, value=newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _empty(file: IO[bytes]) -> int:
    file.seek(0)
    return file.truncate()


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be read or written: {error.strerror or error}."
        raise RemoteStateUnwritableError(message, value=str(path)) from error
