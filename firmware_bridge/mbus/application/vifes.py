"""What the extensions of a unit say: corrections, phases, directions, errors.

Source: EN 13757-3:2018, tables 15 and 16.
"""
# ruff: noqa: PLR2004 - codes of the standard's tables

from __future__ import annotations

from dataclasses import dataclass, replace

from firmware_bridge.mbus.application.units import Direction, Form, Meaning

NO_ERROR = 0
# 12 is an average, 13 a compact profile, 14 a deviation; from 1D on it is no error either.
_ERROR_CODES = frozenset({*range(0x01, 0x12), *range(0x15, 0x1D)})
_STANDARD_CONTENT = 0x1D
_BASE_CONDITIONS = 0x3E
AT_BASE = " at base conditions"

# VIFEs under which the data is a date, a duration or a count and no longer the VIF's quantity.
_DATES_OF = frozenset(
    {0x39, *range(0x42, 0x44), *range(0x46, 0x48), *range(0x4A, 0x4C)}
) | frozenset({*range(0x4E, 0x50), 0x6A, 0x6B, 0x6E, 0x6F})
_DURATIONS_OF = frozenset(range(0x50, 0x68))
_COUNTS_OF = frozenset({0x41, 0x49})
_SPANS = (1, 60, 3600, 86_400)
_MAKER_FOLLOWS = 0x7F


@dataclass(slots=True)
class Orthogonal:
    """What the VIFEs after the unit's own say. Source: EN 13757-3:2018, tables 15 and 16."""

    power: int = 0
    phase: int = 0
    direction: Direction = Direction.ANY
    error: int = NO_ERROR
    qualified: bool = False
    instead: Meaning | None = None
    at_base: bool = False

    @classmethod
    def of(cls, vifes: tuple[int, ...]) -> Orthogonal:
        """What these VIFEs say together, without their extension bits."""
        found = cls()
        codes = iter(vifes)
        for code in codes:
            if code == _MAKER_FOLLOWS:
                found.qualified = True
                break
            if code == 0x7C:
                second = next(codes, 0)
                known = 1 <= second <= 3
                found.phase = second if known else found.phase
                found.qualified = found.qualified or not known
            else:
                found.add(code)
        return found

    def add(self, code: int) -> None:
        """Take one more VIFE in."""
        if 0x70 <= code <= 0x77:
            self.power += (code & 0x07) - 6
        elif code == 0x7D:
            self.power += 3
        elif code in (0x3B, 0x3C):
            self.direction = Direction.POSITIVE if code == 0x3B else Direction.NEGATIVE
        elif code == _BASE_CONDITIONS:
            self.at_base = True
        elif code in _ERROR_CODES:
            self.error = code
        elif code in _DATES_OF:
            self.instead = Meaning("date of an event", form=Form.DATE_TIME)
        elif code in _DURATIONS_OF:
            self.instead = Meaning("duration of an event", "s", factor=_SPANS[code & 3])
        elif code in _COUNTS_OF:
            self.instead = Meaning("number of exceedings", "1")
        elif code not in (0x00, _STANDARD_CONTENT, 0x3A):
            self.qualified = True

    def apply(self, meaning: Meaning) -> Meaning:
        """The meaning that a unit has under them."""
        if self.instead is not None:
            return self.instead
        if self.at_base:
            meaning = replace(meaning, quantity=f"{meaning.quantity}{AT_BASE}")
        if not self.power:
            return meaning
        return replace(meaning, power=meaning.power + self.power)
