"""How much one gateway may send in a minute; what comes beyond it waits at the gateway."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from central.service.ports.gateway_rate import GatewayRateStore, RateQuota, Sent

_MINUTE_S: Final = 60.0
_REMEMBERED: Final = 20_000
# Of the quota: what a process takes before it reports it. Who sends less costs no statement.
_REPORT_SHARE: Final = 0.01


@dataclass(slots=True)
class _Credit:
    """What a gateway may send at once; it fills evenly, to a minute's quota at most.

    `unreported_...` is what this process took of it and has not reported.
    """

    messages: float
    payload_bytes: float
    at_s: float
    unreported_messages: int = 0
    unreported_bytes: int = 0


class GatewayRates:
    """Follows what gateways send of late, to this process and, by the store, to all others.

    A message beyond the quota is not taken and not acknowledged: the gateway keeps it, and sends it
    again after 30 to 300 s, by when there is room. So nothing is lost, and who sends evenly within
    the quota is never refused.

    A process decides at once by what it knows, and reports to the store as soon as it has taken 1 %
    of the quota. What processes took beyond it meanwhile is below 0 there and is waited for, so
    that in the long run all together take the quota.

    Args:
        quota: Of each gateway.
        monotonic: Seconds that never go back. [s]
        clock: The present, aware.
        store: What all processes share; None where there is one.
    """

    def __init__(
        self,
        quota: RateQuota,
        monotonic: Callable[[], float],
        clock: Callable[[], datetime] | None = None,
        store: GatewayRateStore | None = None,
    ) -> None:
        self.quota = quota
        self._clock = clock
        self._store = store
        self._monotonic = monotonic
        self._credits: OrderedDict[str, _Credit] = OrderedDict()
        self._reporting: set[str] = set()
        self._report_due = asyncio.Event()
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
        credit.unreported_messages += 1
        credit.unreported_bytes += size
        if (
            credit.unreported_messages >= _REPORT_SHARE * self.quota.messages
            or credit.unreported_bytes >= _REPORT_SHARE * self.quota.payload_bytes
        ):
            self._reporting.add(gateway)
            self._report_due.set()
        return True

    async def share(self) -> None:
        """Wait until a gateway sent much, then report to the store and hear what it may still send.

        Raises:
            StoreUnavailableError: It does not answer; what was sent is reported again.
        """
        await self._report_due.wait()
        self._report_due.clear()
        if self._store is None or self._clock is None:
            return
        names, self._reporting = self._reporting, set()
        reports = {name: self._report_of(name) for name in names if name in self._credits}
        try:
            balances = await self._store.debit(reports, self.quota, self._clock())
        except Exception:
            self._restore(reports)
            raise
        now = self._monotonic()
        for name, shared in balances.items():
            if (credit := self._credits.get(name)) is not None:
                credit.messages = shared.messages - credit.unreported_messages
                credit.payload_bytes = shared.payload_bytes - credit.unreported_bytes
                credit.at_s = now

    def _report_of(self, gateway: str) -> Sent:
        credit = self._credits[gateway]
        sent = Sent(credit.unreported_messages, credit.unreported_bytes)
        credit.unreported_messages = credit.unreported_bytes = 0
        return sent

    def _restore(self, reports: dict[str, Sent]) -> None:
        """Note what was not reported; a minute's quota at most, so that no outage is waited off."""
        for name, sent in reports.items():
            if (credit := self._credits.get(name)) is not None:
                messages = credit.unreported_messages + int(sent.messages)
                credit.unreported_messages = min(messages, self.quota.messages)
                size = credit.unreported_bytes + int(sent.payload_bytes)
                credit.unreported_bytes = min(size, self.quota.payload_bytes)
                self._reporting.add(name)
                self._report_due.set()

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
