"""Small files that are whole after a power cut at any moment: the old content, or the new."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a file in one step, on the disk when this returns.

    Args:
        path: The file; its draft stands beside it, `<name>.new`, while it is written.
        data: All of it.
        mode: Who may read it, where it is new; the process's mask takes its share.

    Raises:
        OSError: The disk is full, read-only or failing; the file holds the old content or the new.
    """
    draft = path.with_name(path.name + ".new")
    try:
        _write(draft, data, mode)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)


def write_new_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Make a file in one step, on the disk when this returns; one that is there stays as it is.

    Args:
        path: The file; its draft stands beside it while it is written.
        data: All of it.
        mode: Who may read it; the process's mask takes its share.

    Raises:
        FileExistsError: It is there already.
        OSError: The disk is full, read-only or failing; there is no file.
    """
    with new_file_durably(path, mode) as file:
        file.write(data)


@contextlib.contextmanager
def new_file_durably(path: Path, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """A file to write, which is there, whole and on the disk, when the block ends, or not at all.

    Args:
        path: The file; its draft stands beside it while it is written.
        mode: Who may read it; the process's mask takes its share.

    Raises:
        FileExistsError: It is there already.
        OSError: The disk is full, read-only or failing; there is no file.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with _opened(draft, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
        try:
            sync_folder(path.parent)
        except OSError:
            path.unlink()
            raise
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _opened(path: Path, mode: int) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, mode), "wb")


def _write(path: Path, data: bytes, mode: int) -> None:
    with _opened(path, mode) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk.

    Raises:
        OSError: The folder is absent, or the disk is failing.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
