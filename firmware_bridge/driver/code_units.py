"""What the code of an electricity register counts, and the unit that it is counted in."""
# ruff: noqa: PLR2004 - group values of OBIS codes

from __future__ import annotations

from typing import Final

from firmware_bridge.contract.obis import Obis

# Group D of IEC 62056-61, table 6: time integrals; maxima and averages of a period, also cumulated.
_ENERGIES: Final = frozenset({8, 9, 10, 29, 30})
_DEMANDS: Final = frozenset({2, 4, 5, 6, 12, 14, 15, 16, 22, 24, 25, 26})


def kind_of(code: Obis) -> tuple[str, str] | None:
    """What an electricity code counts, and its base unit. Source: IEC 62056-61, table 5."""
    medium, _, c, d, _, _ = code.code
    if medium != 1 or not 1 <= c <= 80 or d not in (4, 6, 7, 8):
        return None
    place = c % 20
    if place in (11, 12, 13):
        kind = {11: ("current", "A"), 12: ("voltage", "V"), 13: ("factor", "1")}[place]
        return kind if d == 7 else None
    letter = {1: "W", 2: "W", 9: "VA", 10: "VA"}.get(place, "var" if 3 <= place <= 8 else "")
    if not letter:
        return None
    return ("energy", f"{letter}h") if d == 8 else ("power", letter)


def base_unit(code: Obis) -> str | None:
    """The unit that an electricity code is counted in; None where the code leaves it open.

    >>> base_unit(Obis.parse("1-0:16.7.0"))
    'W'
    """
    if (kind := kind_of(code)) is not None:
        return kind[1]
    medium, _, c, d, _, _ = code.code
    if medium != 1 or not 1 <= c <= 80:
        return None
    place = c % 20
    if place == 14:
        return "Hz" if d == 7 else None
    # The sum without sign, the difference, and the four quadrants of active power.
    if place in (0, *range(15, 20)) and d in (4, 6, 7, 8):
        return "Wh" if d == 8 else "W"
    return None


def counted_in(code: Obis) -> str | None:
    """The unit of a code's values, those of intervals and periods too; None where it is open.

    >>> counted_in(Obis.parse("1-0:1.29.0"))
    'Wh'
    """
    medium, b, c, d, e, f = code.code
    if d in _ENERGIES:
        d = 8
    elif d in _DEMANDS:
        d = 6
    return base_unit(Obis(bytes((medium, b, c, d, e, f))))
