"""How much one gateway may send in a minute; what comes beyond it waits at the gateway."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MINUTE_S: Final = 60.0
_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class RateQuota:
    """What one ingest process takes of one gateway.

    Args:
        messages: Batches and hellos in a minute.
        payload_bytes: Their bytes in a minute. [B]
    """

    messages: int = 6_000
    payload_bytes: int = 64 * 1024 * 1024


@dataclass(slots=True)
class _Credit:
    """What a gateway may send at once; it fills evenly, to a minute's quota at most."""

    messages: float
    payload_bytes: float
    at_s: float


class GatewayRates:
    """Follows what gateways send of late.

    A message beyond the quota is not taken and not acknowledged: the gateway keeps it, and sends it
    again after 30 to 300 s, by when there is room. So nothing is lost, and who sends evenly within
    the quota is never refused.

    Args:
        quota: Of each gateway.
        monotonic: Seconds that never go back. [s]
    """

    def __init__(self, quota: RateQuota, monotonic: Callable[[], float]) -> None:
        self.quota = quota
        self._monotonic = monotonic
        self._credits: OrderedDict[str, _Credit] = OrderedDict()
        self.deferred: Counter[str] = Counter()

    def admits(self, gateway: str, size: int) -> bool:
        """Whether a message is within its gateway's quota; counts it either way.

        Args:
            gateway: Its name.
            size: Of the payload. [B]
        """
        credit = self._credit(gateway)
        if credit.messages < 1 or credit.payload_bytes < size:
            self.deferred[gateway] += 1
            return False
        credit.messages -= 1
        credit.payload_bytes -= size
        return True

    def _credit(self, gateway: str) -> _Credit:
        now, quota = self._monotonic(), self.quota
        credit = self._credits.get(gateway)
        if credit is None:
            credit = _Credit(quota.messages, quota.payload_bytes, now)
            self._credits[gateway] = credit
            if len(self._credits) > _REMEMBERED:
                self._credits.popitem(last=False)
            return credit
        self._credits.move_to_end(gateway)
        share = (now - credit.at_s) / _MINUTE_S
        credit.messages = min(quota.messages, credit.messages + share * quota.messages)
        credit.payload_bytes = min(
            quota.payload_bytes, credit.payload_bytes + share * quota.payload_bytes
        )
        credit.at_s = now
        return credit
