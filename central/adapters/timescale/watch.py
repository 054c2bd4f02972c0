"""How the centre stands, on PostgreSQL; the statements are in `watch.sql`."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import product
from pathlib import Path

from central.adapters.timescale.named_query import Asker
from central.adapters.timescale.pool import Pool
from central.service.ports.watch import AGES, SEVERITIES, CentreState
from central.service.views.field import SILENT_AFTER

_NIGHTS = timedelta(days=7)
_NEW, _DAY, _WEEK = AGES


class TimescaleWatch:
    """`WatchStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def state(self, now: datetime) -> CentreState:
        """See `WatchStore`."""
        ages = {"day": now - AGES[_DAY], "week": now - AGES[_WEEK]}
        nights_from = (now - _NIGHTS).date()
        values = {"silent": now - SILENT_AFTER, "nights_from": nights_from, "now": now}
        row = await self._ask.row("state", values)
        assert row is not None  # noqa: S101 - the statement gives one; tells the type checker
        exceptions = dict.fromkeys(product(SEVERITIES, AGES), 0)
        for severity, *beyond, count in await self._ask.rows("exceptions", ages):
            exceptions[severity, _age(*beyond)] = count
        drafts = dict.fromkeys(AGES, 0)
        for *beyond, count in await self._ask.rows("drafts", ages):
            drafts[_age(*beyond)] = count
        day = None if row[3] is None else datetime.combine(row[3], time(), UTC) + timedelta(days=1)
        return CentreState(
            seen_at=now,
            gateways=row[0],
            gateways_silent=row[1],
            channels_unclosed=row[2] or 0,
            unclosed_for=_since(day, now),
            unclosed_counted_at=row[4],
            changes_waiting=row[5],
            exceptions=exceptions,
            drafts=drafts,
            runs_open=row[6],
            shards_open=int(row[7]),
            runs_idle_for=_since(row[8], now),
            documents_waiting=row[9],
            documents_failed=row[10],
            unsealed=row[11],
            unsealed_for=_since(row[12], now),
            jobs_waiting=row[13],
            jobs_doing=row[14],
            jobs_given_up=row[15],
            backup_at=row[16],
            certificates_ending=row[17],
            certificates_ended=row[18],
        )


def _age(of_day: bool, of_week: bool) -> str:  # noqa: FBT001 - columns of a row
    return _WEEK if of_week else _DAY if of_day else _NEW


def _since(then: datetime | None, now: datetime) -> timedelta:
    return timedelta(0) if then is None else max(now - then, timedelta(0))
