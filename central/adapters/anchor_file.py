"""Anchors of the audit log in a file: a line of JSON each, only ever added to."""

from __future__ import annotations

import json
import os
from pathlib import Path

from central.domain.audit.chain import SHORT_BYTES
from central.service.audit.seal import HeadAnchor
from firmware_bridge.contract.errors import ConfigurationError

_HASH_BYTES = 32


class AnchorUnreadableError(ConfigurationError):
    """A file of anchors has a line that is not one."""

    code = "ANCHOR_UNREADABLE"


class TextAnchors:
    """`AnchorFile` in a text file.

    Args:
        path: The file; it is made with the first anchor.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, anchor: HeadAnchor) -> None:
        """See `AnchorFile`."""
        fields = {
            "seal": anchor.head.number,
            "sha256": anchor.head.sha256.hex(),
            "at": anchor.at.isoformat(),
        }
        # One write to a file that is only added to, so that two sealers mix no lines.
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(handle, f"{json.dumps(fields)}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)


def read_anchors(path: Path) -> dict[int, bytes]:
    """The hashes in a file of anchors, by number of their seal.

    Raises:
        AnchorUnreadableError: A line is no anchor.
    """
    anchors: dict[int, bytes] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            seal, sha256 = fields["seal"], bytes.fromhex(fields["sha256"])
        except (ValueError, KeyError, TypeError) as error:
            raise _unreadable(f"Line {number} of {path.name}", line) from error
        if not isinstance(seal, int) or len(sha256) != _HASH_BYTES:
            raise _unreadable(f"Line {number} of {path.name}", line)
        if anchors.setdefault(seal, sha256) != sha256:
            raise _unreadable(
                f"Line {number} of {path.name}, with another hash of seal {seal},", line
            )
    return anchors


def kept_anchors(file: Path | None) -> dict[int, bytes]:
    """The hashes in a file that may not be there yet: before the first anchor there is none."""
    return {} if file is None or not file.exists() else read_anchors(file)


def parse_anchor(text: str) -> dict[int, bytes]:
    """An anchor as documents print it: `number:hash`, the hash shortened or whole.

    Raises:
        AnchorUnreadableError: It is none.
    """
    number, _, sha256 = text.partition(":")
    try:
        seal, digest = int(number), bytes.fromhex(sha256)
    except ValueError as error:
        raise _unreadable(repr(text), text) from error
    if not SHORT_BYTES <= len(digest) <= _HASH_BYTES:
        raise _unreadable(repr(text), text)
    return {seal: digest}


def _unreadable(what: str, value: str) -> AnchorUnreadableError:
    remedy = "Give the file that the worker writes, or `number:hash` as a document prints it."
    return AnchorUnreadableError(f"{what} is not an anchor.", value=value, remedy=remedy)
