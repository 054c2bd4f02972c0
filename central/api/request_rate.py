"""How many requests one actor may make: some at once, then so many a second.

Each actor has an allowance that fills up again, by the generic cell rate algorithm. The memory is
this process's own and bounded.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from central.api.problems import TooManyRequestsError

BURST_S: Final = 2
"""How many seconds' requests may come at once."""
_REMEMBERED: Final = 10_000


class RequestRate:
    """What actors asked for of late.

    Args:
        per_s: Requests a second of one actor; 0 for any number.
    """

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def admit(self, actor: str, now: float) -> None:
        """Count a request.

        Args:
            actor: Key of who asks.
            now: Of a clock that only goes forward. [s]

        Raises:
            TooManyRequestsError: Not before some time.
        """
        if self._per_s == 0:
            return
        free_at = max(self._free_at.get(actor, now), now) + 1 / self._per_s
        ahead = free_at - now - BURST_S
        if ahead > 0:
            message = f"{actor} made more than {self._per_s} requests a second."
            raise TooManyRequestsError(message, retry_after_s=math.ceil(ahead))
        self._free_at[actor] = free_at
        self._free_at.move_to_end(actor)
        if len(self._free_at) > _REMEMBERED:
            self._free_at.popitem(last=False)
