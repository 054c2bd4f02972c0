"""List candidates, and show one with its bills as they are and as they would be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from central.domain.billing.candidate import NoSuchCandidateError
from central.service.billing.correct_bills import LIST_MAX, CorrectBills
from central.service.billing.correction_report import CorrectionReport
from central.service.ports.candidates import CandidateStore, CorrectionCandidate
from central.service.views.paging import Page, paged, uuid_of_cursor


class ShowCandidates:
    """The use-cases.

    Args:
        store: Where candidates are kept.
        correct: Rates issued bills again.
    """

    def __init__(self, store: CandidateStore, correct: CorrectBills) -> None:
        self._store = store
        self._correct = correct

    async def listed(
        self, account: str | None = None, *, closed: bool = False
    ) -> Sequence[CorrectionCandidate]:
        """Open ones, the oldest first, or closed ones, the newest first; of an account, or all."""
        return await self._store.candidates(account, LIST_MAX, closed=closed)

    async def page(
        self,
        account: str | None,
        after: str | None,
        limit: int,
        since: datetime | None = None,
        *,
        closed: bool = False,
    ) -> Page[CorrectionCandidate]:
        """A page of them in that order; those that were compared or closed since then.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        behind = uuid_of_cursor(after)
        rows = await self._store.candidates(account, limit + 1, behind, since, closed=closed)
        return paged(rows, limit, lambda row: (str(row.uid),))

    async def by_uid(self, uid: UUID) -> CorrectionCandidate:
        """A candidate by its identifier.

        Raises:
            NoSuchCandidateError: There is none.
        """
        candidate = await self._store.by_uid(uid)
        if candidate is None:
            message = f"There is no candidate {uid}."
            raise NoSuchCandidateError(message, value=str(uid))
        return candidate

    async def report(self, candidate: CorrectionCandidate) -> CorrectionReport | None:
        """Its bills as they are and as they would be now; None where it is closed.

        Raises:
            CorrectionHeldError: And more: see `CorrectBills.preview`.
        """
        if candidate.closed_at is not None:
            return None
        return await self._correct.preview(candidate.account, candidate.bill)
