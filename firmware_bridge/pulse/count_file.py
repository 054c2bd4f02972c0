"""The count that outlives a power cut: one small file, replaced whole."""

from __future__ import annotations

import json
from pathlib import Path

from firmware_bridge.contract.errors import ConfigurationError, EnvironmentFaultError
from firmware_bridge.durable_file import write_durably

_COUNT_MAX = 2**62


class CountFileError(ConfigurationError):
    """The file of a pulse counter holds no count; it is kept as it is."""

    code = "COUNT_FILE"


class CountNotStoredError(EnvironmentFaultError):
    """The disk does not take the count."""

    code = "COUNT_NOT_STORED"


def load_count(path: Path) -> int:
    """The stored count; 0 where there is no file yet.

    Raises:
        CountFileError: The file holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        message = f"{path} does not contain a pulse count."
        remedy = 'Write {"count": n} with the meter\'s reading, or remove the file to begin at 0.'
        raise CountFileError(message, value=str(path), remedy=remedy) from error
    count = content.get("count") if isinstance(content, dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _COUNT_MAX:
        message = f"{path} does not contain a pulse count."
        raise CountFileError(message, value=str(path))
    return count


def store_count(path: Path, count: int) -> None:
    """Replace the file, durable when this returns.

    Raises:
        CountNotStoredError: The disk is full or read-only; the old file stands.
    """
    try:
        write_durably(path, json.dumps({"count": count}).encode(), mode=0o666)
    except OSError as error:
        message = f"The pulse count cannot be stored in {path}: {error.strerror}."
        raise CountNotStoredError(message, value=count) from error
