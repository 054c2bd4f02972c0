"""Versions of software and firmware, and their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

from firmware_bridge.contract.errors import InvalidValueError

TEXT_MAX: Final = 39
_FORM: Final = re.compile(r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,3}")


@total_ordering
@dataclass(frozen=True, slots=True)
class Release:
    """One to four numbers, compared one by one; a missing one is 0, so that 1.2 equals 1.2.0.

    There are no suffixes: what is released has an order that nobody can read in two ways.

    Args:
        numbers: As written, without zeros at the end.
    """

    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Release:
        """Read `1.4.0`.

        Raises:
            InvalidValueError: It is not one to four numbers of up to nine digits, joined by points.
        """
        if _FORM.fullmatch(text) is None:
            message = f"{text[:TEXT_MAX]!r} is not a version such as 1.4.0."
            raise InvalidValueError(message, value=text[:TEXT_MAX])
        numbers = [int(part) for part in text.split(".")]
        while len(numbers) > 1 and not numbers[-1]:
            numbers.pop()
        return cls(tuple(numbers))

    def __lt__(self, other: Release) -> bool:
        # 0 is the only version that ends with a zero, and the least of all.
        return self.numbers < other.numbers

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))
