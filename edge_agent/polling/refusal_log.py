"""What meters sent, or answered, and could not be read: the last of each kind, with its reason."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

from firmware_bridge.contract.reports import RAW_MAX, REFUSALS_MAX, RefusalReport
from firmware_bridge.driver.interface import (
    MeterBusyError,
    MeterConnectionError,
    MeterOfflineError,
    MeterStaleError,
    MeterTimeoutError,
)

# The centre hears again of what goes on.
ANNOUNCED_EVERY: Final = timedelta(hours=1)
# Meters times reasons of a large gateway; what is beyond went longest without being seen.
LOG_MAX: Final = 256
_NOTHING_CAME: Final = (
    MeterBusyError,
    MeterConnectionError,
    MeterOfflineError,
    MeterStaleError,
    MeterTimeoutError,
    TimeoutError,
)


def is_refusal(error: BaseException) -> bool:
    """Whether something came from the meter and was no value; silence is another fault."""
    return not isinstance(error, _NOTHING_CAME)


class RefusalLog:
    """The last refused telegram or answer of each meter, reason and topic, since the agent began.

    Attributes:
        announce: Called where there is a new kind, and again each hour in which it recurs, since
            the centre should hear of it. Never blocks.
        counts: How many came, by the reason's code.
    """

    def __init__(self) -> None:
        self.announce: Callable[[], None] = lambda: None
        self._last: OrderedDict[tuple[str, str, str], RefusalReport] = OrderedDict()
        self._announced: dict[tuple[str, str, str], datetime] = {}
        self.counts: Counter[str] = Counter()

    def note(  # noqa: PLR0913, PLR0917 - what is reported of it
        self,
        at: datetime,
        meter: str,
        code: str,
        reason: str,
        raw: bytes | None,
        count: int = 1,
        *,
        sender: str = "",
    ) -> None:
        """Note one, or several of one reason.

        Args:
            at: By the gateway's clock. Aware.
            meter: As configured.
            code: The reason's.
            reason: What is wrong and what to do.
            raw: What came; None where nothing did.
            count: How many.
            sender: The topic it came from, where a table has many; each has its last one here.
        """
        key = (meter, code, sender)
        self.counts[code] += count
        before = self._last.pop(key, None)
        report = RefusalReport(meter, code, reason, at, count, (raw or b"")[:RAW_MAX])
        self._last[key] = report if before is None else replace(report, count=before.count + count)
        if len(self._last) > LOG_MAX:
            forgotten, _ = self._last.popitem(last=False)
            self._announced.pop(forgotten, None)
        announced = self._announced.get(key)
        # A clock that was set back is no reason to be silent.
        if announced is None or not timedelta(0) <= at - announced < ANNOUNCED_EVERY:
            self._announced[key] = at
            self.announce()

    def reports(self) -> tuple[RefusalReport, ...]:
        """The latest, the last one first, as many as a status has.

        A meter with many topics crowds out no other: first one of each meter and reason.
        """
        latest = {key[:2]: key for key in self._last}
        keys = list(self._last)[::-1]
        keys.sort(key=lambda key: latest[key[:2]] != key)
        return tuple(self._last[key] for key in keys[:REFUSALS_MAX])

    def table(self) -> list[dict[str, Any]]:
        """As `meterline-edge status` shows them."""
        return [
            asdict(report) | {"at": report.at.isoformat(), "raw": report.raw.hex()}
            for report in self.reports()
        ]
