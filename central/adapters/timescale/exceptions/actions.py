"""Actions on PostgreSQL: every store on one connection, in one transaction that stays or goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from psycopg import AsyncConnection, Rollback

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.errors import translated
from central.adapters.timescale.exceptions.field_orders import TimescaleFieldOrders
from central.adapters.timescale.exceptions.queue import TimescaleExceptions
from central.adapters.timescale.exceptions.releases import TimescaleBillReleases
from central.adapters.timescale.exceptions.revalidation import TimescaleRevalidation
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.usage.events import TimescaleUsageEvents
from central.adapters.timescale.validation.decisions import TimescaleDecisionStore
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.service.exceptions.actions import ActionStores

_Connection = AsyncConnection[tuple[Any, ...]]


class TimescaleActions:
    """`ActionTransactions` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def begin(self, *, keep: bool) -> AsyncIterator[_Work]:
        """See `ActionTransactions`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction() as whole:
                yield _Work(connection)
                if not keep:
                    raise Rollback(whole)


class _Work:
    """`ActionWork` on one connection: what stores begin there are savepoints."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        pool = cast("Pool", _OneConnection(connection))
        self.stores = ActionStores(
            exceptions=TimescaleExceptions(pool),
            reports=TimescaleDecisionStore(pool),
            judgements=TimescaleValidationStore(pool),
            releases=TimescaleBillReleases(pool),
            bills=TimescaleBillingStore(pool),
            revalidation=TimescaleRevalidation(pool),
            orders=TimescaleFieldOrders(pool),
            events=TimescaleUsageEvents(pool),
        )

    @asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        """See `ActionWork`."""
        async with self._connection.transaction():
            yield


class _OneConnection:
    """A pool that lends the same connection again and again, in the transaction that is open."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[_Connection]:
        yield self._connection
