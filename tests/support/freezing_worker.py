"""A worker of a bill run that stops itself with SIGSTOP once it has a shard: `python -m` with a
DSN, a cycle and the moment: `rating`, `copy` (in the middle of a COPY) or `answer` (in the middle
of a query, whose answer fills every buffer on the way).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from psycopg import AsyncCopy

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.pool import make_pool
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.service.billing import rate_accounts, run_bills
from central.service.billing.run_bills import RunBills
from central.service.ports.bill_shard import RunRecord, ShardTransaction
from tests.support.books import NOW

MOMENTS = ("rating", "copy", "answer")
_LONG_ANSWER = b"SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"


_frozen: list[int] = []


def freeze() -> None:
    """Stop, once."""
    if not _frozen:
        _frozen.append(os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)


class _LongAnswers(TimescaleBillingStore):
    @asynccontextmanager
    async def shard(self, run: RunRecord, at: datetime) -> AsyncIterator[ShardTransaction | None]:
        async with super().shard(run, at) as work:
            if work is not None:
                work._connection.pgconn.send_query(_LONG_ANSWER)  # type: ignore[attr-defined]
                freeze()
            yield work


def _freeze_rating() -> None:
    rate = rate_accounts.rate_accounts

    def frozen(*of: Any) -> Sequence[Any]:  # noqa: ANN401 - whatever rating takes
        freeze()
        return rate(*of)

    setattr(run_bills, "rate_accounts", frozen)  # noqa: B010 - it is no field of ours


def _freeze_copy() -> None:
    async def frozen(copy: AsyncCopy, row: Sequence[Any]) -> None:
        await copy.writer.write(copy.formatter.write_row(row))
        freeze()

    setattr(AsyncCopy, "write_row", frozen)  # noqa: B010 - likewise


async def main(dsn: str, cycle: str, moment: str) -> None:
    if moment == "rating":
        _freeze_rating()
    elif moment == "copy":
        _freeze_copy()
    kind = _LongAnswers if moment == "answer" else TimescaleBillingStore
    async with make_pool(dsn, max_size=2, name="meterline-bill") as pool:
        store = kind(pool)
        run = await store.find_run(Cycle.parse(cycle), RunType.REGULAR)
        assert run is not None
        await RunBills(store, lambda: NOW).work(run)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
