"""How far the periods of each cycle are on their way to issued bills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class BillingStep(StrEnum):
    """What a period waits for."""

    TO_CALCULATE = "to calculate"
    CALCULATING = "calculating"
    EXCEPTIONS = "exceptions"
    TO_APPROVE = "to approve"
    TO_ISSUE = "to issue"
    ISSUED = "issued"
    NOTHING = "nothing to bill"


CLOSED = frozenset({BillingStep.ISSUED, BillingStep.NOTHING})
"""Steps that nobody has to do anything about."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A period, and one of its runs where there is any.

    Args:
        route: Name of the cycle.
        period: Name of the period.
        first: First local day.
        end: The local day after the last.
        bill_day: From which day on it is billed.
        run_id: Orders the runs of a period; 0 for none.
        run: Identifier of the run; None where it was never calculated.
        scope: To which group or account the run is narrowed; None for all.
        finished: Whether the run is calculated.
        owner: Who had it calculated last; None for nobody.
        held: How many bills are held.
        drafts: How many wait for approval.
        approved: How many are approved and not issued.
        issued: How many are issued.
    """

    route: str
    period: str
    first: date
    end: date
    bill_day: date
    run_id: int
    run: str | None
    scope: str | None
    finished: bool
    owner: str | None
    held: int
    drafts: int
    approved: int
    issued: int

    @property
    def last(self) -> date:
        """Last local day."""
        return self.end - timedelta(days=1)

    @property
    def step(self) -> BillingStep:
        """What comes next; the earliest step that has something to do."""
        steps = (
            (self.run is None, BillingStep.TO_CALCULATE),
            (not self.finished, BillingStep.CALCULATING),
            (self.held, BillingStep.EXCEPTIONS),
            (self.drafts, BillingStep.TO_APPROVE),
            (self.approved, BillingStep.TO_ISSUE),
            (self.issued, BillingStep.ISSUED),
        )
        return next((step for due, step in steps if due), BillingStep.NOTHING)

    def age(self, today: date) -> int | None:
        """How long it waits since its bill day; None where nothing is to do. [days]."""
        return None if self.step in CLOSED else max((today - self.bill_day).days, 0)
