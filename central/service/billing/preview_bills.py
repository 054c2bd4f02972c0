"""What bills of the days so far would say: made as a run makes them, and never kept.

Days that no issued bill says are planned, claimed and rated as a run does it, also where their
period goes on. Where an account has several such bills, the earlier ones are saved, so that the
later ones open with what they leave; whoever asks undoes all of it. What holds a bill that has its
lines keeps the later ones from nothing here: they are what they would be once it is released.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from central.domain.actor import Actor
from central.domain.billing.account_order import in_account_order
from central.domain.billing.due import plan_account, waves
from central.domain.billing.planned import AccountPlan, RunReach
from central.domain.billing.state import BillState
from central.service.billing.run_bills import rate_with_inputs
from central.service.ports.bill_shard import AccountWork, NewBill, ShardTransaction

Previewed = tuple[AccountWork, NewBill]
"""A bill as it would be, with what it was rated from."""

_PREVIEW = Actor.job("preview")


async def preview_bills(
    work: ShardTransaction, ends: Mapping[int, date], at: datetime
) -> dict[int, list[Previewed]]:
    """The bills of all days of accounts that no issued bill says, until a day.

    Args:
        work: The accounts, with their drafts, held and approved bills; to be rolled back.
        ends: By account, the day after the last that is rated.
        at: Now, aware.

    Returns:
        By account, the earliest first. An account whose days somebody else claims at the same time
        is missing; so is one of which nothing is to be billed.
    """
    plans = [plan for account, end in ends.items() if (plan := _planned(work, account, end)).bills]
    chained = [bill for plan in plans for bill in plan.bills[:-1]]
    taken = set(await work.claim(chained)) if chained else set()
    plans = [plan for plan in plans if plan.account_id not in taken]
    last = {id(plan.bills[-1]) for plan in plans}
    previews: dict[int, list[Previewed]] = {}
    for bills in waves(plans):
        rated = await rate_with_inputs(work, bills)
        for each, new in rated:
            previews.setdefault(each.account_id, []).append((each, new))
        earlier = {bill.account_id for bill in bills if id(bill) not in last}
        opened = [_let_go(new) for _, new in rated if new.account_id in earlier]
        if opened:
            await work.save(opened, _PREVIEW.key, at)
    return previews


def _let_go(new: NewBill) -> NewBill:
    if not new.bill.holds or not new.bill.lines:
        return new
    return replace(new, bill=replace(new.bill, holds=(), state=BillState.DRAFT))


def _planned(work: ShardTransaction, account: int, end: date) -> AccountPlan:
    shard = work.shard
    chains, left = shard.chains.get(account, ()), shard.account_left_of(account)
    if not chains:
        return AccountPlan(account, ())
    plan = plan_account(
        chains,
        shard.open_bills.get(account, ()),
        shard.periods,
        RunReach(end, so_far=True),
        lambda *_: True,
        account_left=left,
    )
    return in_account_order(plan, chains, shard.periods, left)
