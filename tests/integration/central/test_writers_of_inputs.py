"""Those who change inputs of bills, and those who approve, wait for one another in no ring.

A customer file that names points and accounts in any order, validation of many points, an operator
who changes them one by one and an approval of the whole run go on at once, round after round. A
ring would end one of them with an error of the database.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.billing.approve_bills import ApproveBills
from central.service.billing.run_bills import RunBills
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.books import NOW, OCTOBER, ZONE, Utility, month, timescale_utility
from tests.support.ingest import Edge
from tests.support.servers import Database
from tests.support.size import sized

ROUNDS = sized("METERLINE_WRITERS_ROUNDS", 6, 100)
CUSTOMERS = 6
GAP = 400
CYCLE = Cycle.parse("2026-10")


async def bring_file(utility: Utility, numbers: list[int], label: str) -> None:
    """Change points and accounts in one transaction, in the order of the file."""
    enrol = utility.enrol
    async with utility.registry.transaction(utility.now) as registry:
        await registry.hold(
            [f"SP-{number}" for number in numbers], [f"A-{number}" for number in numbers]
        )
        for number in numbers:
            await enrol.account_in(registry, AccountRecord(f"A-{number}", Party(label)))
            await enrol.point_in(registry, PointRecord(f"SP-{number}", ZONE, label))


async def change_each(utility: Utility, numbers: list[int], *, exempt: bool) -> None:
    """Change agreements one by one."""
    facts = AgreementFacts((Fact("tax_exempt", exempt),))
    for number in numbers:
        first = OCTOBER.replace(month=9)
        agreement = AgreementRecord(f"A-{number}", f"SP-{number}", "HOME", first, facts=facts)
        await utility.enrol.agreement(agreement)


async def deliver_late(utility: Utility, edge: Edge, place: int) -> None:
    """A reading of every meter that was missing, and validation."""
    late = [
        replace(one, mantissa=one.mantissa - 1)
        for number in range(1, CUSTOMERS)
        for one in month(f"S{number}")[place : place + 1]
    ]
    await utility.deliver(edge, late)
    await utility.validate()


async def test_writers_and_approvers_wait_in_no_ring(plain_migrated: Database) -> None:
    draw = random.Random(7)  # noqa: S311 - orders, not secrets
    async with AsyncExitStack() as stack:
        clerk, filer, operator, worker = [
            await stack.enter_async_context(timescale_utility(plain_migrated.dsn)) for _ in range(4)
        ]
        edge = await clerk.found(customers=CUSTOMERS)
        gaps = {GAP: ROUNDS}
        months = [month(f"S{number}", gaps=gaps) for number in range(1, CUSTOMERS + 1)]
        await clerk.deliver(edge, *months)
        await clerk.validate()
        approve = ApproveBills(clerk.billing, lambda: NOW + timedelta(hours=1))
        approved = 0
        for number in range(ROUNDS):
            await clerk.validate()
            summary = await RunBills(clerk.billing, lambda: NOW)(CYCLE, CLERK)
            orders = [draw.sample(range(1, CUSTOMERS), CUSTOMERS - 1) for _ in range(2)]
            outcome, *_ = await asyncio.gather(
                approve.run(summary.run, CHIEF),
                bring_file(filer, orders[0], f"Name {number}"),
                change_each(operator, orders[1], exempt=bool(number % 2)),
                deliver_late(worker, edge, GAP + number),
            )
            approved += outcome.count
            # Nobody changes the last customer.
            heads = await clerk.billing.heads(summary.run)
            done = [head.uid for head in heads if head.state == "approved"]
            await clerk.billing.withdraw(done, CHIEF, NOW)
        assert approved >= ROUNDS
