"""Whether what a run billed balances: the notion of balance of `reconcile`, for the run's days."""

from __future__ import annotations

from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.ports.billing import RunSummary
from central.service.ports.reconciliation import ReconciliationStore


async def run_balance(store: ReconciliationStore, summary: RunSummary) -> Reconciliation | None:
    """Reconcile the days that the bills of a run hold; None where they hold none.

    What lines print says nothing about it: a tariff may net, round or price a quantity twice.

    Args:
        store: What is validated and billed.
        summary: The run.
    """
    run = str(summary.run.uid)
    if not summary.bill_count or not await store.days_of_run(run):
        return None
    return await Reconcile(store)(ReconciledScope(run=run))
