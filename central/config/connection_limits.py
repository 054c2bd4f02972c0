"""How long a connection to the database may stand still."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a connection may stand still before it ends; 0 is for ever.

    A worker that is frozen, or a network that swallows packets, must not hold locks that others
    wait for.

    Args:
        statement_s: One statement. [s]
        idle_s: A transaction in which nothing is asked. [s]
        tcp_s: Sent and not acknowledged by the other side's kernel. [s]
    """

    statement_s: float = 300.0
    idle_s: float = 300.0
    tcp_s: float = 30.0
