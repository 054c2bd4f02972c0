"""Wrong tokens: who sends them waits longer and longer, by address and by account.

An address that failed a few times is not heard before its pause is over. An account that many
addresses try is closed for a while to those from which nobody ever signed in; where its holder
comes from, the right token is heard. The memory is this process's own and bounded.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog

from central.api.problems import TooManyTriesError
from firmware_bridge.figures import Figure

_log = structlog.get_logger(__name__)
FREE_OF_ADDRESS: Final = 5
FREE_OF_ACCOUNT: Final = 50
LONGEST: Final = timedelta(minutes=5)
LONGEST_OF_ACCOUNT: Final = timedelta(seconds=30)
FORGOTTEN_AFTER: Final = timedelta(hours=1)
_REMEMBERED = 10_000
_SIX_BITS = 64


@dataclass(slots=True)
class _Tries:
    failed: int
    until: datetime
    last: datetime


class FailedTokens:
    """What failed of late.

    Args:
        event: How the log and the figures call it.
    """

    def __init__(self, event: Literal["sign_in", "claim"] = "sign_in") -> None:
        self._event = event
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()
        self._good: OrderedDict[str, None] = OrderedDict()
        self.failed = 0
        self.refused = 0
        self.succeeded = 0

    def admit(self, address: str | None, account: str, now: datetime) -> None:
        """Return where a token of an account may be looked at.

        Raises:
            TooManyTriesError: Not yet.
        """
        network = network_of(address)
        keys = [("address", network)]
        if network not in self._good:
            keys.append(("account", account))
        wait = max((self._wait(key, now) for key in keys), default=timedelta(0))
        if wait > timedelta(0):
            self.refused += 1
            message = "Too many wrong tokens came from here, or for this account."
            raise TooManyTriesError(message, retry_after_s=-(-wait // timedelta(seconds=1)))

    def note(self, address: str | None, account: str, now: datetime, *, is_right: bool) -> None:
        """Note what became of a token."""
        network = network_of(address)
        if is_right:
            self.succeeded += 1
            self._tries.pop(("address", network), None)
            self._good[network] = None
            self._good.move_to_end(network)
            _bound(self._good)
            return
        self.failed += 1
        by_address = self._fail(("address", network), now, FREE_OF_ADDRESS, LONGEST)
        by_account = self._fail(("account", account), now, FREE_OF_ACCOUNT, LONGEST_OF_ACCOUNT)
        facts = {
            "address": network,
            "account": account,
            "of_address": by_address.failed,
            "of_account": by_account.failed,
            "closed_until": max(by_address.until, by_account.until).isoformat(timespec="seconds"),
        }
        if self._event == "claim":
            _log.warning("claim_failed", **facts)
        else:
            _log.warning("sign_in_failed", **facts)

    def figures(self) -> list[Figure]:
        """What was counted since the process began."""
        name = self._event
        return [
            Figure(f"{name}s_total", "Right tokens.", self.succeeded, counter=True),
            Figure(f"{name}s_failed_total", "Wrong tokens.", self.failed, counter=True),
            Figure(f"{name}s_refused_total", "Tokens not looked at.", self.refused, counter=True),
        ]

    def _wait(self, key: tuple[str, str], now: datetime) -> timedelta:
        tries = self._tries.get(key)
        return timedelta(0) if tries is None else tries.until - now

    def _fail(self, key: tuple[str, str], now: datetime, free: int, longest: timedelta) -> _Tries:
        tries = self._tries.get(key)
        if tries is None or now - tries.last > FORGOTTEN_AFTER:
            tries = self._tries[key] = _Tries(0, now, now)
        tries.failed += 1
        tries.last = now
        beyond = tries.failed - free
        if beyond >= 0:
            tries.until = now + min(longest, timedelta(seconds=2 ** min(beyond, 20)))
        self._tries.move_to_end(key)
        _bound(self._tries)
        return tries


def network_of(address: str | None) -> str:
    """Whom an address stands for: itself, and of IPv6 the network of which one host has all."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, _SIX_BITS), strict=False))
    return str(ip)


def _bound(memory: OrderedDict[tuple[str, str], _Tries] | OrderedDict[str, None]) -> None:
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
