"""Small files that are whole after a power cut at any moment: the old content, or the new."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


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
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        _write(draft, data, mode)
        path.hardlink_to(draft)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    sync_folder(path.parent)


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
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
