"""How many messages that cost about a transaction each one gateway may have in a window."""

from __future__ import annotations

from typing import Final

MOST: Final = 50
LEAST: Final = 2
WINDOW_S: Final = 0.25
_NEWEST = 0.3
_HALF = 2


class CostlyShare:
    """Follows what such messages took of late.

    Whoever comes next waits for the windows that are under way. Where the database is slow, a fixed
    number of hellos or of nonsense makes everybody wait for as long as it takes; fewer at once do
    not, and cost the one who sends them alone.
    """

    def __init__(self) -> None:
        self._each_s: float | None = None

    @property
    def at_once(self) -> int:
        """So many of one gateway close a window."""
        if self._each_s is None:
            return MOST
        return max(LEAST, min(MOST, int(WINDOW_S / max(self._each_s, WINDOW_S / MOST))))

    def note(self, costly: int, messages: int, seconds: float) -> None:
        """Note what a window took.

        Args:
            costly: Messages in it that cost about a transaction.
            messages: All in it; where most are others, nothing is said of what one costs.
            seconds: Until it was stored. [s]
        """
        if not costly or costly * _HALF < messages:
            return
        each_s = seconds / costly
        before = each_s if self._each_s is None else self._each_s
        self._each_s = before + _NEWEST * (each_s - before)
