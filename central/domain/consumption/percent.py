"""Shares as percent."""

from __future__ import annotations

from fractions import Fraction

_PLACES = 4


def percent_text(share: Fraction | None) -> str | None:
    """A share in percent, rounded half to even after four places; None stays None."""
    if share is None:
        return None
    scaled = round(share * 100 * 10**_PLACES)
    sign, digits = "-" if scaled < 0 else "", abs(scaled)
    return f"{sign}{digits // 10**_PLACES}.{digits % 10**_PLACES:0{_PLACES}d}"
