"""The operator's desk on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from central.adapters.timescale.answers import TimescaleAnswers
from central.adapters.timescale.billing import TimescaleBillingStore
from central.adapters.timescale.overview_billing import TimescaleBilling
from central.adapters.timescale.overview_field import TimescaleField
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry import TimescaleRegistry
from central.service.desk import Desk
from central.service.print_invoice import Renderer


def timescale_desk(
    pool: Pool,
    render: Renderer,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Desk:
    """A desk whose every port is the same database.

    Args:
        pool: An open pool, see `make_pool`; four connections serve an office.
        render: Makes a bill's document.
        clock: The present, aware.
    """
    return Desk(
        field=TimescaleField(pool),
        billing=TimescaleBilling(pool),
        books=TimescaleRegistry(pool),
        bills=TimescaleBillingStore(pool),
        answers=TimescaleAnswers(pool),
        render=render,
        clock=clock,
    )
