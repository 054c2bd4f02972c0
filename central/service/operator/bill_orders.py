"""Approve and issue a whole run, named as the outside knows it."""

from __future__ import annotations

from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.service.operator.services import Desk
from central.service.ports.billing import RunRecord
from central.service.views.lookup import found


async def approve_run(desk: Desk, run: str, approver: str) -> int:
    """Approve every draft of a run.

    Returns:
        How many were approved.

    Raises:
        NotFoundError: There is no such run.
        SelfApprovalError: The approver started the run.
        StaleBillError: One changed meanwhile; nothing was approved.
    """
    return await desk.approve.run(await _record(desk, run), approver)


async def issue_run(desk: Desk, run: str, actor: str) -> int:
    """Issue every approved bill of a run.

    Returns:
        How many were issued.

    Raises:
        NotFoundError: There is no such run.
        StaleBillError: One changed meanwhile; nothing was issued.
    """
    return await desk.issue.run(await _record(desk, run), actor)


async def _record(desk: Desk, run: str) -> RunRecord:
    view = found(await desk.billing.run(run), "bill run", run)
    record = await desk.bills.find_run(Cycle.parse(view.cycle), RunType(view.kind))
    return found(record, "bill run", run)
