"""What gateways may still send, by what all ingest processes took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RateQuota:
    """What is taken of one gateway, by all ingest processes together.

    Args:
        messages: Batches and hellos in a minute.
        payload_bytes: Their bytes in a minute. [B]
    """

    messages: int = 6_000
    payload_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """What a gateway sent, or may still send; below 0 where processes took too much at once.

    Args:
        messages: Batches and hellos.
        payload_bytes: Their bytes. [B]
    """

    messages: float
    payload_bytes: float


class GatewayRateStore(Protocol):
    """Where ingest processes write down what each took."""

    async def debit(
        self, sent: Mapping[str, Sent], quota: RateQuota, now: datetime
    ) -> dict[str, Sent]:
        """Take off what gateways sent, and say what each may still send at once.

        What may be sent fills evenly over a minute, to the quota at most.

        Args:
            sent: Since this process reported last, by gateway.
            quota: Of each gateway.
            now: Aware; one that lies before another process's fills nothing.

        Returns:
            By gateway; not of gateways that nobody enrolled.

        Raises:
            StoreUnavailableError: The store does not answer; nothing was taken off.
        """
        ...
