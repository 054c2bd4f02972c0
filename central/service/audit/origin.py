"""From where somebody acts, for the rows of the audit log that are written meanwhile.

| who | origin |
|---|---|
| a page or the API | the client's address, behind trusted proxies the one that they name |
| a customer of the portal | the network of that address: /24, of IPv6 /48 |
| a command | `USER@HOST`: the operating system's, whatever `--as` says |
| a job | `USER@HOST (JOB)` |
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Final

from firmware_bridge.contract.plain_text import plain

LONGEST: Final = 300
_V4_BITS, _V6_BITS = 24, 48
_ORIGIN: ContextVar[str | None] = ContextVar("audit_origin", default=None)


@contextmanager
def acting_from(origin: str) -> Iterator[None]:
    """Have rows that are written within say where their actor is.

    Args:
        origin: The address, or who runs what where; longer than `LONGEST` it is cut.
    """
    before = _ORIGIN.set(plain(origin, LONGEST))
    try:
        yield
    finally:
        _ORIGIN.reset(before)


def origin_now() -> str:
    """Where whoever acts now is: as somebody said, else this process."""
    return _ORIGIN.get() or process_origin()


@cache
def process_origin() -> str:
    """Who runs this process, and where: `meterline@central-1`."""
    uid = os.getuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user need not have a name
        user = f"uid-{uid}"
    return plain(f"{user}@{os.uname().nodename}", LONGEST)


def job_origin(name: str) -> str:
    """Of a job that this process does."""
    return f"{process_origin()} ({name})"


def network_of(address: str) -> str:
    """The network of a client's address, which names no household.

    >>> network_of("203.0.113.7")
    '203.0.113.0/24'
    >>> network_of("2001:db8:1:2::7")
    '2001:db8:1::/48'
    """
    try:
        client = ip_address(address)
        client = getattr(client, "ipv4_mapped", None) or client
        bits = _V4_BITS if client.version == 4 else _V6_BITS  # noqa: PLR2004 - IPv4
        return str(ip_network(f"{client}/{bits}", strict=False))
    except ValueError:
        return address
