"""What gateways may still send, in a table; the statements are in `gateway_rates.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.service.ports.gateway_rate import RateQuota, Sent

_SQL = load_queries(Path(__file__).with_name("gateway_rates.sql"))


class TimescaleGatewayRates:
    """`GatewayRateStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def debit(
        self, sent: Mapping[str, Sent], quota: RateQuota, now: datetime
    ) -> dict[str, Sent]:
        """See `GatewayRateStore`."""
        values = {
            "gateways": [*sent],
            "messages": [each.messages for each in sent.values()],
            "payload_bytes": [each.payload_bytes for each in sent.values()],
            "message_quota": quota.messages,
            "byte_quota": quota.payload_bytes,
            "now": now,
        }
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["debit"], values)
                return {name: Sent(*credit) for name, *credit in await cursor.fetchall()}
