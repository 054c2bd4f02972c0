"""What is validated against what is billed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import MONTH, ServicesAsOf
from central.api.schemas.reconciliation import ReconciliationOut
from central.domain.billing.cycle import Cycle
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope

router = APIRouter(tags=["bills"])
Name = Annotated[str | None, Query(min_length=1, max_length=200)]
Month = Annotated[str | None, Query(pattern=MONTH, description="Local month, such as 2026-10.")]


@router.get("/reconciliation")
async def reconcile(  # noqa: PLR0913, PLR0917 - one parameter each
    services: ServicesAsOf,
    month: Month = None,
    run: Name = None,
    tariff: Name = None,
    group: Name = None,
    account: Name = None,
) -> ReconciliationOut:
    """Reconcile a month or a run: every validated interval is billed once, or named."""
    days = None if month is None else Cycle.parse(month).days
    use_case = Reconcile(services.reconciliation, services.clock)
    report = await use_case(ReconciledScope(days, run, tariff, group, account))
    return ReconciliationOut.model_validate(report.to_json())
