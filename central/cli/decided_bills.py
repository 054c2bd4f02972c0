"""What `bill approve` and `bill issue` decide on, and what became of it."""

from __future__ import annotations

from uuid import UUID

import typer

from central.cli.each import FailedBill, Tried
from central.cli.output import show
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import BulkOutcome
from central.service.billing.find_bill import heads_of_account
from central.service.ports.bill_shard import RunRecord
from central.service.ports.billing import BillingStore
from central.service.ports.billing_errors import UnknownRunError


async def find_run(
    store: BillingStore, cycle: str, scope: RunScope = EVERYONE, *, final: bool = False
) -> RunRecord:
    """The run of a cycle and scope: the regular one, or the final one.

    Raises:
        UnknownRunError: It was never run.
    """
    run = await store.find_run(
        Cycle.parse(cycle), RunType.FINAL if final else RunType.REGULAR, scope
    )
    if run is None:
        of = "" if scope.everyone else f" of {scope}"
        again = " --final" if final else ""
        message = f"The cycle {cycle}{of} has not been run{again and ' for final bills'}."
        options = again + scope.options
        remedy = f"Start it with `meterline-central bill run --cycle {cycle}{options}`."
        raise UnknownRunError(message, value=cycle, remedy=remedy)
    return run


async def chosen_bills(
    store: BillingStore, cycle: str | None, scope: RunScope, state: BillState, *, final: bool
) -> tuple[RunRecord | None, dict[str, UUID]]:
    """The run of a cycle; of an account alone its bills, in whichever run of the cycle they are.

    Args:
        store: Where bills are kept.
        cycle: Such as `2026-10`; None where bills are named alone.
        scope: To whom the cycle is narrowed.
        state: In which an account's bills are taken.
        final: Whether the final run is meant.

    Returns:
        The run, or identifiers by `ACCOUNT/PERIOD`.

    Raises:
        UnknownRunError: The cycle was not run for them.
    """
    if cycle is None:
        return None, {}
    heads = await heads_of_account(store, cycle, scope, final=final)
    if heads:
        taken = (head for head in heads if head.state is state)
        return None, {f"{head.account}/{head.period}": head.uid for head in taken}
    return await find_run(store, cycle, scope, final=final), {}


def both(outcome: BulkOutcome, tried: Tried) -> tuple[int, Tried]:
    """What became of a cycle's bills and of those that were named."""
    refused = [
        FailedBill(f"{one.account}/{one.period}", one.code, one.message) for one in outcome.refused
    ]
    tried.failed[:0] = refused
    return outcome.count, tried


def report_outcome(what: str, count: int, tried: Tried, *, as_json: bool) -> None:
    """Say how many bills are done, and end with the code of those that are not."""
    done = count + len(tried.done)
    if as_json:
        failed = {"failed": [one.to_json() for one in tried.failed]} if tried.failed else {}
        show({what: done} | failed)
    else:
        typer.echo(f"{done} {what}.")
    tried.end(as_json=as_json, before=count)
