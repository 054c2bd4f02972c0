"""How often a gateway connects: devices under one name throw each other off the broker."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import Final

from central.service.ports.ingest_records import FindingCode, GatewayRecord, IngestFinding
from firmware_bridge.contract.messages import GatewayState, Status

MANY: Final = 6
WITHIN: Final = timedelta(minutes=2)
SAID_EVERY: Final = timedelta(minutes=10)
_REMEMBERED = 10_000


class Connects:
    """When gateways came online of late, each by the status that it retains."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[tuple[datetime | None, datetime]]] = OrderedDict()
        self._said: dict[str, datetime] = {}

    def note(self, gateway: str, status: Status, at: datetime) -> bool:
        """Note a status; whether its gateway connects so often that somebody should know.

        Args:
            gateway: Its name.
            status: What it retains.
            at: When it came.
        """
        if status.state is not GatewayState.ONLINE:
            return False
        times = self._times.setdefault(gateway, deque(maxlen=MANY))
        self._times.move_to_end(gateway)
        if times and status.since is not None and times[-1][0] == status.since:
            return False  # the broker retains it, and hands it out at our own connections
        times.append((status.since, at))
        if len(self._times) > _REMEMBERED:
            forgotten, _ = self._times.popitem(last=False)
            self._said.pop(forgotten, None)
        said = self._said.get(gateway)
        is_many = len(times) == MANY and at - times[0][1] <= WITHIN
        if not is_many or (said is not None and at - said < SAID_EVERY):
            return False
        self._said[gateway] = at
        return True


def taken_over_finding(gateway: GatewayRecord) -> IngestFinding:
    """The alarm that stands until an operator closes it."""
    return IngestFinding(
        f"{FindingCode.TAKEN_OVER}:{gateway.name}",
        FindingCode.TAKEN_OVER,
        f"{gateway.name} connected {MANY} times within {WITHIN.total_seconds():.0f} s: another"
        " device may use its name and certificate. Find it, such as a copied card, and enrol it"
        " under a name of its own.",
        gateway.id,
    )
