"""What bills did to banks of money, on PostgreSQL; the statements are in `drawdowns.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from central.adapters.timescale.class_policies import rows_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.billing.drawdown import BankedEntry, BankPart
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.expiry import NEVER
from central.service.ports.drawdowns import TracedPart

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_DAY = timedelta(days=1)
_Row = Sequence[Any]


class TimescaleDrawdowns:
    """`DrawdownStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def parts(self, account: str) -> Sequence[TracedPart] | None:
        """See `DrawdownStore`."""
        with translated():
            async with self._pool.connection() as connection:
                accounts = await rows_of(connection, _SQL, "account", account=account)
                if not accounts:
                    return None
                key = accounts[0][0]
                rows = await rows_of(connection, _SQL, "parts", account=key)
                entries: dict[tuple[int, str], list[_Row]] = {}
                for row in await rows_of(connection, _SQL, "entries", account=key):
                    entries.setdefault((row[0], row[1]), []).append(row)
        return [_traced(row, entries.get((row[0], row[1]), ())) for row in rows]


def _traced(row: _Row, entries: Sequence[_Row]) -> TracedPart:
    part_id, bank, currency, bill, number, state, first, end, before, opening, *amounts = row
    state_before = CarriedState() if opening is None else CarriedState.from_json(opening)
    brought = tuple(credit for credit in state_before.credits if credit.bank == bank)
    # One of a day before the part counts from its first.
    banked = tuple(
        BankedEntry(key, max(day, first), amount, expires or NEVER)
        for _, _, key, day, amount, expires in entries
    )
    month = (end - _DAY).replace(day=1)
    moved = BankPart(part_id, before, month, first, banked, *amounts)
    with_brought = replace(moved, brought=brought)
    return TracedPart(bank, currency, bill, number, state, first, end, with_brought)
