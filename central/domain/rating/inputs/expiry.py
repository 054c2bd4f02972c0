"""When money in a bank lapses: by a day of its own, or by the months of its bank."""

from __future__ import annotations

from datetime import date

from central.domain.rating.inputs.segments import months_after

NEVER = date.max
"""Expiry of what has none of its own."""


def lapses_on(earned: date, expires: date, months: int | None) -> date:
    """The day from which money pays no bill that begins then or later.

    Args:
        earned: First day of the month it came in.
        expires: Its own such day, which takes the place of its bank's; `NEVER` where it has none.
        months: Of its bank, after which the others lapse; None for never.
    """
    if expires != NEVER or months is None:
        return expires
    return months_after(earned, months)
