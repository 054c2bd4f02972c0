"""Approve and issue a whole run, named as the outside knows it."""

from __future__ import annotations

from uuid import UUID

from central.domain.actor import Actor
from central.service.billing.approve_bills import BulkOutcome
from central.service.billing.bill_questions import BillQuestions
from central.service.operator.services import OperatorServices
from central.service.ports.bill_shard import RunRecord
from central.service.views.lookup import require


async def approve_run(services: OperatorServices, run: str, approver: Actor) -> BulkOutcome:
    """Approve every draft of a run.

    Returns:
        How many were approved, and which were refused.

    Raises:
        NotFoundError: There is no such run.
        SelfApprovalError: The approver started the run.
        StaleBillError: One changed meanwhile; nothing was approved.
    """
    return await services.approve.run(await _record(services, run), approver)


async def issue_run(services: OperatorServices, run: str, actor: Actor) -> BulkOutcome:
    """Issue every approved bill of a run.

    Returns:
        How many were issued, and which were refused.

    Raises:
        NotFoundError: There is no such run.
        StaleBillError: One changed meanwhile; nothing was issued.
    """
    return await services.issue.run(await _record(services, run), actor)


async def run_again(services: OperatorServices, run: str, actor: Actor) -> RunRecord:
    """Open a run again: what is due and not billed, and bills that are held.

    Returns:
        The run, for somebody to work on.

    Raises:
        NotFoundError: There is no such run.
        CycleOpenError: Its cycle is not over yet.
    """
    record = await _record(services, run)
    return await services.run_bills.start(record.cycle, actor, record.run_type, record.scope)


async def _record(services: OperatorServices, run: str) -> RunRecord:
    view = require(await services.billing.run(run), "bill run", run)
    record = await services.bills.run_of(UUID(view.run))
    return require(record, "bill run", run)


def questions_of(services: OperatorServices) -> BillQuestions:
    """The use-cases of questions about bills."""
    return BillQuestions(services.question_store, services.billing, services.clock)
