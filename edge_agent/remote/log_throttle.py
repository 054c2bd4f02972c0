"""Says each refusal now and then, not as often as a hostile broker can cause it: a card wears."""

from __future__ import annotations

from typing import Final

EVERY_S: Final = 3600.0


class LogThrottle:
    """Remembers when each code was last said."""

    def __init__(self) -> None:
        self._reported_s: dict[str, float] = {}

    def allows(self, code: str, now: float) -> bool:
        """Whether it is to be said at this moment; then it is not for an hour.

        Args:
            code: An error's; there are few.
            now: Monotonic. [s]
        """
        last = self._reported_s.get(code)
        if last is not None and now - last < EVERY_S:
            return False
        self._reported_s[code] = now
        return True
