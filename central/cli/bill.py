"""`meterline-central bill`: run a cycle's bills, look at them, approve and issue them."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from multiprocessing.process import BaseProcess
from typing import Annotated

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.bill_output import (
    RunReport,
    bill_object,
    print_bill,
    print_summary,
    summary_object,
)
from central.cli.decided_bills import both, chosen_bills, find_run, report_outcome
from central.cli.each import Tried, each
from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    progress_bar,
    settings,
    show,
    wait_for,
)
from central.domain.actor import Actor
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.domain.billing.state import BillState
from central.process.gc_tuning import tune_gc
from central.process.stores import open_stores
from central.service.billing.approve_bills import (
    ApproveBills,
    BulkOutcome,
    IssueBills,
)
from central.service.billing.find_bill import find_bill
from central.service.billing.lineage import ExplainBill, ExplainedLine
from central.service.billing.run_bills import RunBills
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.bill_shard import RunRecord
from central.service.ports.billing import BillingStore, BillRecord
from central.service.ports.cancellations import ChainedBill
from firmware_bridge.contract.errors import OperatorError

_POLL_S = 0.25
_ENDS_S = 10.0
app = group("Run a cycle's bills, and show, approve, issue and print them.")
CycleOption = Annotated[
    str,
    typer.Option("--cycle", help="Month, such as 2026-10, or a period, such as 2026-03.route-7."),
]
SomeCycle = Annotated[
    str | None, typer.Option("--cycle", help="Select all bills of this cycle, such as 2026-10.")
]
BillName = Annotated[
    str,
    typer.Argument(
        help="Identifier or legal number of the bill, or ACCOUNT/CYCLE such as A-1001/2026-10."
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", help="Only accounts of this group, or with a point of it."),
]
AccountOption = Annotated[str | None, typer.Option("--account", help="Only this account.")]
SomeBills = Annotated[
    list[str] | None,
    typer.Argument(help="Identifiers or legal numbers of bills, or ACCOUNT/CYCLE."),
]
Final = Annotated[
    bool, typer.Option("--final", help="Take the final run, and of ACCOUNT/CYCLE its bill.")
]


def run_type_of(*, final: bool) -> RunType:
    """Which of a cycle's runs is meant."""
    return RunType.FINAL if final else RunType.REGULAR


@app.command("run")
@answered
def run_command(  # noqa: PLR0913 - one option each
    cycle: CycleOption,
    group_name: GroupOption = None,
    account: AccountOption = None,
    creator: ActingAs = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Number of processes that share the work.")
    ] = os.cpu_count() or 1,
    *,
    final: Annotated[
        bool, typer.Option("--final", help="Bill only what has ended; the cycle may go on.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bill all that is due until the cycle's end, oldest first.

    Run again, it continues, and tries the held bills again.

    Exit codes: 0 every account is billed, 2 refused, 3 bills are held, or its days do not
    balance.
    """
    report = wait_for(
        _run(
            Cycle.parse(cycle),
            actor_of(creator),
            workers,
            run_type_of(final=final),
            RunScope(group_name, account),
            quiet=as_json,
        )
    )
    if as_json:
        show(summary_object(report))
    else:
        print_summary(report)
    held = report.summary.held_count or report.summary.held_elsewhere
    if held or (report.balance and not report.balance.balanced):
        raise typer.Exit(EXIT_HELD)


async def _run(  # noqa: PLR0913 - what makes a run, who asks, and how
    cycle: Cycle, creator: Actor, workers: int, run_type: RunType, scope: RunScope, *, quiet: bool
) -> RunReport:
    begun = time.monotonic()
    size, takeover_s = settings().shard_size, settings().takeover_s
    tune_gc()
    async with open_stores(settings(), "meterline-bill") as stores:
        store = stores.bills
        use_case = RunBills(store, shard_size=size, takeover_s=takeover_s)
        run = await use_case.start(cycle, creator, run_type, scope)
        helpers = _helpers(run, min(workers, -(-run.accounts // size)) - 1)
        try:
            with progress_bar(f"Billing {cycle}", run.accounts, quiet=quiet) as bar:
                watching = asyncio.create_task(_watch(store, run, bar))
                await use_case.work(run)
                watching.cancel()
                bar(run.accounts)
        finally:
            _end(helpers)
        report = await RunReport.read(stores, run)
    return replace(report, seconds=time.monotonic() - begun)


def _helpers(run: RunRecord, count: int) -> Sequence[BaseProcess]:
    """Further processes on the same run; one that dies leaves its shard to the others."""
    context = multiprocessing.get_context("spawn")
    started = []
    for _ in range(max(0, count)):
        helper = context.Process(target=_help, args=(run,), daemon=True)
        helper.start()
        started.append(helper)
    return started


def _end(helpers: Sequence[BaseProcess]) -> None:
    """Wait for processes that have nothing left to do; a frozen one hears only SIGKILL."""
    deadline = time.monotonic() + _ENDS_S
    for helper in helpers:
        helper.join(timeout=max(0.0, deadline - time.monotonic()))
        if helper.is_alive():
            helper.kill()
            helper.join()


def _help(run: RunRecord) -> None:
    async def work() -> None:
        async with bill_store() as store:
            await RunBills(store, takeover_s=settings().takeover_s).work(run)

    tune_gc()
    wait_for(work())


async def _watch(store: BillingStore, run: RunRecord, done: Callable[[int], None]) -> None:
    while True:
        await asyncio.sleep(_POLL_S)
        now = await store.find_run(run.cycle, run.run_type, run.scope)
        if now is not None:
            done(run.accounts - now.accounts)


@app.command("summary")
@answered
def summary_command(
    cycle: CycleOption,
    group_name: GroupOption = None,
    account: AccountOption = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Show the totals of a cycle's bills."""

    async def work() -> RunReport:
        async with open_stores(settings(), "meterline-bill") as stores:
            scope = RunScope(group_name, account)
            run = await find_run(stores.bills, cycle, scope, final=final)
            return await RunReport.read(stores, run)

    report = wait_for(work())
    if as_json:
        show(summary_object(report))
    else:
        print_summary(report)


@app.command("show")
@answered
def show_command(
    bill: BillName,
    as_of: AsOf = None,
    *,
    final: Final = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Sum every line again from its intervals.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a bill with its lines."""
    knowledge = known_time(as_of)

    async def work() -> tuple[BillRecord, tuple[ExplainedLine, ...], Sequence[ChainedBill]]:
        async with open_stores(settings(), "meterline-bill", knowledge=knowledge) as stores:
            store = stores.bills
            record = await find_bill(store, bill, final=final)
            explained = await ExplainBill(store).bill(str(record.uid)) if explain else ()
            return record, explained, await stores.cancellations.chain(record.uid)

    record, explained, chain = wait_for(work())
    if as_json:
        show(bill_object(record, chain, explained))
    else:
        print_bill(record, explained, chain)


@app.command("approve")
@answered
def approve_command(  # noqa: PLR0913 - one option each
    bills: SomeBills = None,
    cycle: SomeCycle = None,
    group_name: GroupOption = None,
    account: AccountOption = None,
    approver: ActingAs = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Approve draft bills. Whoever ran them cannot approve them."""
    scope = RunScope(group_name, account)
    require_some(bills, cycle, scope)

    async def work() -> tuple[int, Tried]:
        async with bill_store() as store:
            use_case, actor = ApproveBills(store), actor_of(approver)

            run, selected = await chosen_bills(store, cycle, scope, BillState.DRAFT, final=final)

            async def approve(name: str) -> None:
                uid = selected.get(name) or (await find_bill(store, name, final=final)).uid
                await use_case.one(uid, actor)

            outcome = BulkOutcome(0) if run is None else await use_case.run(run, actor)
            return both(outcome, await each([*sorted(bills or ()), *selected], approve))

    report_outcome("approved", *wait_for(work()), as_json=as_json)


@app.command("issue")
@answered
def issue_command(  # noqa: PLR0913 - one option each
    bills: SomeBills = None,
    cycle: SomeCycle = None,
    group_name: GroupOption = None,
    account: AccountOption = None,
    actor: ActingAs = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Give approved bills their legal numbers. After that they never change."""
    scope = RunScope(group_name, account)
    require_some(bills, cycle, scope)

    async def work() -> tuple[int, Tried]:
        async with bill_store() as store:
            use_case = IssueBills(store)

            run, selected = await chosen_bills(store, cycle, scope, BillState.APPROVED, final=final)

            async def issue(name: str) -> None:
                uid = selected.get(name) or (await find_bill(store, name, final=final)).uid
                await use_case.one(uid, actor_of(actor))

            outcome = BulkOutcome(0) if run is None else await use_case.run(run, actor_of(actor))
            return both(outcome, await each([*sorted(bills or ()), *selected], issue))

    report_outcome("issued", *wait_for(work()), as_json=as_json)


class NothingSelectedError(OperatorError):
    """A command on bills names none."""

    code = "NOTHING_SELECTED"
    default_remedy = "Name bills, or all of a cycle with `--cycle`."


def require_some(bills: list[str] | None, cycle: str | None, only: RunScope) -> None:
    """Refuse a command that names no bill: done with nothing is not done.

    Raises:
        NothingSelectedError: Neither bills nor a cycle are named, or a group or account without the
            cycle that it narrows.
    """
    require_narrowed(cycle, only)
    if not bills and cycle is None:
        message = "No bill is selected."
        raise NothingSelectedError(message)


def require_narrowed(cycle: str | None, only: RunScope) -> None:
    """Refuse a group or an account that narrows nothing.

    Raises:
        NothingSelectedError: No cycle is named beside it.
    """
    if cycle is None and not only.everyone:
        message = f"The {only} narrows a cycle, and none is named."
        remedy = "Add `--cycle`, as in `bill run`."
        raise NothingSelectedError(message, value=str(only), remedy=remedy)


@asynccontextmanager
async def bill_store(knowledge: KnowledgeTime | None = None) -> AsyncIterator[BillingStore]:
    """Where bills are kept; or as they were, as of a time."""
    async with open_stores(settings(), "meterline-bill", knowledge=knowledge) as stores:
        yield stores.bills
