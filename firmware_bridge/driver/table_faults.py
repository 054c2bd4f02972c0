"""What is wrong with a table that a person wrote: every key at once, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from pydantic import BaseModel, ValidationError

from firmware_bridge.contract.errors import ConfigurationError, MeterlineError
from firmware_bridge.driver.interface import DriverSettingError

_Read = TypeVar("_Read")


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
    """Every fault of a table, in its order.

    What is too short only since each of its entries has a fault of its own has none beside these.
    """
    listed = error.errors(include_url=False, include_context=False)
    inside = {fault["loc"][:end] for fault in listed for end in range(1, len(fault["loc"]))}
    return tuple(
        TableFault(
            ".".join(str(step) for step in fault["loc"]),
            str(fault["msg"]).removeprefix("Value error, ").rstrip("."),
            fault["type"],
            fault.get("input"),
        )
        for fault in listed
        if fault["type"] != "too_short" or fault["loc"] not in inside
    )


def sentence(listed: Sequence[TableFault], whole: str = "(top level)") -> str:
    """All faults as one sentence, each key with its reason.

    Args:
        listed: At least one.
        whole: What the table as a whole is called.
    """
    return "; ".join(f"`{fault.key or whole}`: {fault.reason}" for fault in listed) + "."


def setting_error(
    error: ValidationError,
    settings: type[BaseModel],
    whole: str,
    files: Iterable[Callable[[], object]] = (),
) -> DriverSettingError:
    """The refusal of a meter's table, which names every key that is wrong.

    A value is not repeated: it may be a key or a password.

    Args:
        error: What the table's model says.
        settings: That model.
        whole: The setting that is wrong where several are only wrong together.
        files: Read what the table names, and say what is wrong there.
    """
    remedy = f"Known settings: {', '.join(settings.model_fields)}."
    message = f"Meter setting {sentence(faults(error), whole)}"
    beside = [f" {refusal.message}" for refusal in refusals(files)]
    return DriverSettingError(message + "".join(beside), remedy=remedy)


def refusals(checks: Iterable[Callable[[], object]]) -> tuple[MeterlineError, ...]:
    """What checks refuse, in their order."""
    found = []
    for check in checks:
        try:
            check()
        except MeterlineError as error:
            found.append(error)
    return tuple(found)


def paths_in(settings: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The paths that a table lists under a key; none where it lists no texts there."""
    listed = settings.get(key)
    return tuple(path for path in listed if isinstance(path, str)) if _is_list(listed) else ()


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)


def all_of(reads: Sequence[Callable[[], _Read]]) -> list[_Read]:
    """What several files say.

    Raises:
        ConfigurationError: Some cannot be read, or are wrong; the first of these, which names the
            faults of all.
    """
    refused = refusals(reads)
    if len(refused) > 1:
        first = refused[0]
        message = " ".join(error.message for error in refused)
        raise type(first)(message, value=first.value, remedy=first.remedy)
    return [read() for read in reads]


def read_toml(
    path: Path,
    kind: type[ConfigurationError],
    what: str,
    unreadable: type[ConfigurationError] | None = None,
) -> dict[str, Any]:
    """The table in a file.

    Args:
        path: The file.
        kind: What to raise where it is not valid TOML.
        what: What the file is, for people.
        unreadable: What to raise where it cannot be read; None: the same.

    Raises:
        ConfigurationError: Of these kinds.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The {what} {path} cannot be read: {error.strerror}."
        remedy = "Check the path and the file's permissions."
        raise (unreadable or kind)(message, value=str(path), remedy=remedy) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"The {what} {path} is not valid TOML: {error}."
        raise kind(message, value=str(path)) from error
