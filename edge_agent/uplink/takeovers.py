"""Whether another device connects under the same name, and how long to leave the broker to it.

A broker ends a connection where another comes under its name. With MQTT 5 it may say so (reason
142); Mosquitto often does not, and then all that is known is that one connection after the other
was short, though the centre answered over each. Two copies of a card would throw each other off
without end: each waits longer and longer instead, and says so. A connection over which nobody
answered says nothing of another device: the way to the centre is to blame. Nor does one that was
answered and stood for a while, and the pauses shrink again.
"""

from __future__ import annotations

from random import Random
from typing import Final

import aiomqtt

TAKEN_OVER: Final = 142
FIRST_S: Final = 1.0
LONGEST_S: Final = 600.0
SHORT_S: Final = 10.0
"""A connection that is over before was short; one that was answered and lasts stood a while. [s]"""
FREE: Final = 4
"""So many short connections in a row are anybody's, such as of a broker that starts."""
STEADY_S: Final = 3600.0
"""After so long a connection the other one is taken to be gone. [s]"""
ALARM_AT: Final = 3
_MOST_DOUBLINGS = 12


class Takeovers:
    """Counts how often another took our place.

    Args:
        random: For the jitter.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._short = 0
        self._doublings = 0
        self.count = 0

    def note(self, error: BaseException | None, lasted_s: float, *, answered: bool) -> bool:
        """Note how a connection ended; whether that should be said, now for the first time or more.

        Args:
            error: What ended it.
            lasted_s: How long it stood. [s]
            answered: Whether the centre said anything over it.
        """
        if lasted_s >= STEADY_S:
            self.count = self._doublings = 0
        is_short = answered and lasted_s < SHORT_S
        self._short = self._short + 1 if is_short else 0
        if not says_taken_over(error) and self._short <= FREE:
            if answered and not is_short:
                self._doublings = max(self._doublings - 1, 0)
            return False
        self.count += 1
        self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)
        rounds, rest = divmod(self.count, ALARM_AT)
        return not rest and not rounds & (rounds - 1)

    def pause_s(self) -> float:
        """Seconds to leave the broker to the other; 0 where there is none."""
        if not self._doublings:
            return 0.0
        bound = min(FIRST_S * 2.0**self._doublings, LONGEST_S)
        return self._random.uniform(bound / 2, bound)


def says_taken_over(error: BaseException | None) -> bool:
    """Whether the broker names the reason."""
    while error is not None:
        if isinstance(error, aiomqtt.MqttCodeError):
            return getattr(error.rc, "value", error.rc) == TAKEN_OVER
        error = error.__cause__
    return False
