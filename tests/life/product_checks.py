"""Where a life meets checks of bills: limits of classes, and what a clerk releases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from central.adapters.timescale.class_policies import OF_BILLS, TimescaleClassPolicies
from central.adapters.timescale.exceptions.releases import TimescaleBillReleases
from central.adapters.timescale.pool import Pool
from central.domain.billing.check_policy import CHECK_SCHEMA, DEFAULT_LIMITS
from central.service.billing.check_bills import CHECK_CODES
from central.service.class_policies import ClassPolicies
from central.service.exceptions.release import release_bill
from central.service.ports.decisions import DecisionNote
from central.service.ports.exception_notes import ActionNote
from tests.support.actors import person


class ProductChecks:
    """The use-cases.

    Args:
        pool: Of the store.
        clock: Now.
    """

    def __init__(self, pool: Pool, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._clock = clock
        self.released: dict[UUID, set[str]] = defaultdict(set)
        """Bills, with the checks that ever held them."""

    async def limit(self, class_name: str, amount: str, effective: date) -> None:
        """Bills of a class are held where they come to more."""
        store = TimescaleClassPolicies(self._pool, OF_BILLS, CHECK_SCHEMA)
        document = CHECK_SCHEMA.parse(f"{{thresholds: {{amount_limit: {amount} EUR}}}}")
        note = person("expert"), "look at each of them"
        policies = ClassPolicies(store, DEFAULT_LIMITS, self._clock)
        await policies.set_policy(class_name, document, effective, note)

    async def release(self, actor: str) -> int:
        """Release what nothing but checks holds; how many bills."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_CHECKED, {"codes": sorted(CHECK_CODES)})
            rows = await cursor.fetchall()
        answer = ActionNote(DecisionNote(person(actor), "asked the customer", self._clock()))
        for uid, holds in rows:
            await release_bill(TimescaleBillReleases(self._pool), uid, answer)
            self.released[uid] |= {hold["code"] for hold in holds}
        return len(rows)


_CHECKED = """\
SELECT uid, holds FROM bill
WHERE state = 'held' AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(holds) AS hold WHERE hold ->> 'code' <> ALL(%(codes)s)
)
ORDER BY id
"""
