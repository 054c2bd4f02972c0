"""The numbers of a load file: one per line, exact."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.plain_number import plain_decimal

_DIGITS = 13
_HEADING = re.compile(r"(?!nan|[+-]?inf)[A-Za-z_\"'][^,;\d]*", re.IGNORECASE)


class LoadCsvError(ConfigurationError):
    """A load file cannot be used."""

    code = "LOAD_FILE"
    default_remedy = "Correct the file, or the options that read it."


def read_series(text: str, file: str, *, lowest: Decimal | None = None) -> list[Decimal]:
    """The numbers of a load file: one per line, exact; a first line of words is its heading.

    Args:
        text: Of the file.
        file: Its name, for messages.
        lowest: That a value may have; None for any.

    Raises:
        LoadCsvError: A line is not a number, is one that no meter shows, or is blank.
    """
    lines = text.lstrip("\ufeff").rstrip().splitlines()
    heading = bool(lines) and _HEADING.fullmatch(lines[0].strip()) is not None
    found = []
    for number, line in enumerate(lines, start=1):
        if number == 1 and heading:
            continue
        value = plain_decimal(line)
        if value is None:
            message = f"Line {number} of {file} is not a number."
            raise LoadCsvError(message, value=line)
        if value.adjusted() >= _DIGITS or (lowest is not None and value < lowest):
            message = (
                f"Line {number} of {file}, {line.strip()[:40]}, is not a consumption of a meter."
            )
            raise LoadCsvError(message, value=line)
        found.append(value)
    if not found:
        message = f"{file} is empty."
        raise LoadCsvError(message, value=file)
    return found


def hold_values(values: Sequence[Decimal], count: int, file: str) -> list[Decimal]:
    """Repeat each value so that a coarser series has as many steps as a finer one.

    Raises:
        LoadCsvError: The finer one is not a multiple of it.
    """
    times, left = divmod(count, len(values))
    if left or times == 0:
        message = f"{file} has {len(values)} steps, which do not divide {count}."
        raise LoadCsvError(message, value=len(values))
    return [value for value in values for _ in range(times)]
