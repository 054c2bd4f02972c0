"""What is wrong with a table that a person wrote: every key at once, each with its reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from firmware_bridge.contract.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class TableFault:
    """One key that is missing, unknown or wrong.

    Args:
        key: Dotted, as `registers.0.obis`; empty for the table as a whole.
        reason: What is wrong, without a full stop.
        kind: The validator's name for it, such as `missing`.
        value: What was written; None where nothing was.
    """

    key: str
    reason: str
    kind: str
    value: object = None


def faults(error: ValidationError) -> tuple[TableFault, ...]:
    """Every fault of a table, in its order."""
    return tuple(
        TableFault(
            ".".join(str(step) for step in fault["loc"]),
            str(fault["msg"]).removeprefix("Value error, ").rstrip("."),
            fault["type"],
            fault.get("input"),
        )
        for fault in error.errors(include_url=False, include_context=False)
    )


def read_toml(path: Path, kind: type[ConfigurationError], what: str) -> dict[str, Any]:
    """The table in a file.

    Args:
        path: The file.
        kind: What to raise.
        what: What the file is, for people.

    Raises:
        ConfigurationError: Of that kind; the file cannot be read, or is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The {what} {path} cannot be read: {error.strerror}."
        remedy = "Check the path and the file's permissions."
        raise kind(message, value=str(path), remedy=remedy) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"The {what} {path} is not valid TOML: {error}."
        raise kind(message, value=str(path)) from error
