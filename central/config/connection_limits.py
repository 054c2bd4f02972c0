"""How long a connection to the database may stand still, and a transaction last."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.contract.errors import ConfigurationError

LONGEST_S = 300.0
"""No transaction outlives this, as counted from the time that it writes down. [s]"""
WAIT_S = 10.0
"""How long one waits for a connection, the time in hand, before it is refused. [s]"""


class LimitsRefusedError(ConfigurationError):
    """The time limits of a connection let a transaction last too long."""

    code = "LIMITS_REFUSED"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a connection may stand still before it ends; 0 is for ever.

    A worker that is frozen, or a network that swallows packets, must not hold locks that others
    wait for.

    Args:
        statement_s: One statement. [s]
        idle_s: A transaction in which nothing is asked. [s]
        tcp_s: Sent and not acknowledged by the other side's kernel. [s]
        transaction_s: A transaction, by the clock of the process that began it. [s]
    """

    statement_s: float = 110.0
    idle_s: float = 60.0
    tcp_s: float = 30.0
    transaction_s: float = 120.0

    @property
    def longest_s(self) -> float:
        """How long after its time a transaction ends at the latest. [s].

        A process that freezes right before its own clock ends the transaction has a statement under
        way at most, and then asks nothing.
        """
        return WAIT_S + self.transaction_s + self.statement_s + self.idle_s

    def check(self, prefix: str) -> None:
        """Refuse limits that let a transaction outlive `LONGEST_S`.

        Args:
            prefix: What the names of these settings begin with.

        Raises:
            LimitsRefusedError: They do.
        """
        if min(self.statement_s, self.idle_s, self.transaction_s) > 0:
            if self.longest_s <= LONGEST_S:
                return
            lasts = f"{self.longest_s:g} s"
        else:
            lasts = "for ever"
        names = [f"{prefix}{kind}_TIMEOUT_S" for kind in ("TRANSACTION", "STATEMENT", "IDLE")]
        message = f"A transaction could last {lasts}; {LONGEST_S:g} s is the longest."
        remedy = f"Set {', '.join(names)} above 0 and to {LONGEST_S - WAIT_S:g} in all."
        raise LimitsRefusedError(message, value=lasts, remedy=remedy)
