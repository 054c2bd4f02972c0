"""Correct issued bills that would say something else today."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from central.service.billing.correction_report import CorrectionReport
from central.service.billing.rate_tail import rate_tail
from central.service.ports.corrections import CorrectionStore, TailTransaction


class CorrectBills:
    """The use-cases.

    Args:
        store: Where issued bills are corrected.
        clock: Now, aware.
    """

    def __init__(
        self, store: CorrectionStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def preview(self, account: str, since: UUID | None = None) -> CorrectionReport:
        """What an account's issued bills would say, rated from their newest inputs; a dry run.

        Args:
            account: Number.
            since: Identifier of the first bill; None for the first of which an input is another.

        Returns:
            A report without bills where no input is another.

        Raises:
            NotRegisteredError: There is no such account.
            UnknownBillError: The account has no such issued bill.
            CorrectionHeldError: A bill cannot be rated again as its inputs are.
            CorrectionOrderError: One would share another state with its account than it does.
        """
        async with self._store.tail(account, since) as work:
            return CorrectionReport(account) if work is None else await _report(work)


async def _report(work: TailTransaction) -> CorrectionReport:
    rated = await rate_tail(work)
    return CorrectionReport(work.account, tuple(rated), tuple(work.behind))
