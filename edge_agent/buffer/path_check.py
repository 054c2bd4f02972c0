"""Where the buffer is to be: whether the folder can hold it, and whether the file is ours at all.

A damaged buffer is set aside and salvaged, so a file must not be taken for one only because it is
no sound database: whoever mistypes `buffer.path` would find his own file under another name.
"""

from __future__ import annotations

import os
import struct
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from edge_agent.buffer import schema
from edge_agent.errors import BufferFolderError, BufferForeignError, BufferUnavailableError
from firmware_bridge.contract.envelope import MAGIC, VERSION

_APPLICATION_ID_AT: Final = 68
_SHOWN_BYTES: Final = 16
# What pages of ours hold: a column's name in the schema, and the beginning of a batch.
_SIGNS: Final = (b"previous_last", MAGIC + bytes([VERSION]))


def check_folder(path: Path) -> None:
    """See to it that a buffer can be kept there.

    Raises:
        BufferFolderError: Its folder is missing, is none, or cannot be written.
    """
    folder = path.parent
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
    elif not os.access(folder, os.W_OK | os.X_OK):
        state = "is not writable"
    else:
        return
    message = f"The folder {folder} of the buffer {state}."
    remedy = "Create it and give the agent write access, or correct buffer.path."
    raise BufferFolderError(message, value=str(folder), remedy=remedy)


def check_file(path: Path) -> None:
    """See to it that a file that is there already is a buffer, be it a damaged one.

    Raises:
        BufferForeignError: Nothing in it or beside it says that it is.
        BufferUnavailableError: It cannot be read.
    """
    if path.is_dir():
        message = f"The buffer's path {path} is a folder."
        raise BufferForeignError(
            message,
            value=str(path),
            remedy="Set buffer.path to a file, such as /var/lib/meterline/buffer.db.",
        )
    try:
        ours = not path.exists() or _is_blank_or_ours(path) or _has_our_neighbours(path)
        head = b"" if ours else _head(path)
    except OSError as error:
        message = f"The buffer {path} cannot be read: {error.strerror}."
        raise BufferUnavailableError(message, value=str(path)) from error
    if not ours:
        message = f"{path} is not a buffer of this gateway. It begins with {head!r}."
        remedy = "Correct buffer.path, or move the file away."
        raise BufferForeignError(message, value=str(path), remedy=remedy)


def _has_our_neighbours(path: Path) -> bool:
    """Whether a buffer was kept, or begun, under that name.

    There is its lock, which comes first of all; its reserve; or our pages in a log.
    """
    log = path.with_name(path.name + "-wal")
    beside = (path.with_name(path.name + suffix) for suffix in (".lock", ".reserve"))
    return any(name.exists() for name in beside) or (log.exists() and _is_blank_or_ours(log))


def _is_blank_or_ours(path: Path) -> bool:
    """Whether a file holds nothing (a power cut can leave zeros), or something of ours."""
    if not path.stat().st_size:
        return not path.name.endswith("-wal")
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        written = struct.pack(">I", schema.APPLICATION_ID)
        if data[_APPLICATION_ID_AT : _APPLICATION_ID_AT + len(written)] == written:
            return True
        if any(data.find(sign) >= 0 for sign in _SIGNS):
            return True
        return not any(data[at : at + 65_536].strip(b"\0") for at in range(0, len(data), 65_536))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SHOWN_BYTES)
