"""An issued bill is made again, to the hash, from what it was made from before corrections."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce

import pytest

from central.adapters.timescale.billing import claims, load, waiting
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.shard import take_bills
from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.pool import make_pool
from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.lineage import block_versions
from central.service.billing.run_bills import RunBills, rate_again
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.decisions import Choice
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from central.service.validation.decisions import decide_conflict
from tests.support.actors import CHIEF, CLERK, noted
from tests.support.books import HOURLY, TARIFF, ZONE, month, timescale_utility
from tests.support.servers import Database

HOUR = timedelta(hours=1)
NOTHING_WAITS = (
    "(SELECT 0::bigint AS channel_id, now() AS from_at, now() AS until_at WHERE false) AS touched"
)
# What only those ask for who keep others from changing it, and integers that say that it has.
HELD = (
    ("FOR SHARE OF occupancy", ""),
    ("FOR NO KEY UPDATE", ""),
    ("service_point.input_revision", "0"),
    ("account.input_revision", "0"),
    ("common_input.input_revision", "0"),
    ("CROSS JOIN common_input", ""),
    ("tariff.input_revision", "0"),
    ("meter.gateway_id", "NULL::bigint"),
    ("JOIN touched", f"JOIN {NOTHING_WAITS}"),
    ("FROM touched", f"FROM {NOTHING_WAITS}"),
    ("SELECT name, input_revision", "SELECT name, 0"),
)


async def test_what_a_bill_was_made_from_makes_it_again_to_the_hash(
    migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        timescale_utility(migrated.dsn) as utility,
        make_pool(migrated.dsn, max_size=2) as pool,
    ):
        edge = await utility.found(period_s=HOURLY)
        await utility.deliver(edge, month(period_s=HOURLY))
        await utility.validate()
        utility.now += HOUR
        run = (await RunBills(utility.billing, lambda: utility.now)(Cycle(2026, 10), CLERK)).run
        (head,) = await utility.billing.heads(run)
        utility.now += HOUR
        await ApproveBills(utility.billing, lambda: utility.now).run(run, CHIEF)
        await IssueBills(utility.billing, lambda: utility.now).run(run, CHIEF)
        issued = await utility.billing.bill(head.uid)
        assert issued is not None
        # Everything that it was made from is said otherwise afterwards.
        utility.now += HOUR
        enrol = utility.enrol
        await enrol.tariff(TARIFF.replace("peak: 0.30", "peak: 0.40"), reason="mistyped")
        facts = AgreementFacts((Fact("tax_exempt", True),))
        home = AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), facts=facts)
        await enrol.agreement(home)
        await enrol.account(AccountRecord("A-1", Party("Ada Byron", ("Calle 9",))))
        await enrol.service_point(PointRecord("SP-1", ZONE, "Calle 9", Decimal(9000)))
        value = month(period_s=HOURLY)[300]
        await utility.deliver(edge, [replace(value, mantissa=value.mantissa + 7)])
        (conflict,) = await utility.decisions.conflicts(10)
        note = noted(utility.now, reason="read on site")
        await decide_conflict(utility.decisions, conflict.id, Choice.REPLACE, note)
        await utility.validate()
        utility.now += HOUR

        for statements in (claims.SQL, load.SQL, waiting._SQL):
            for name, text in statements.items():
                free = reduce(lambda said, held: said.replace(*held), HELD, text)
                monkeypatch.setitem(statements, name, free)

        async def again(at: KnowledgeTime) -> str:
            record = await TimescaleBillingStore(pool).find_run(run.cycle, run.run_type)
            assert record is not None
            async with as_of(pool, at).connection() as connection:
                ((account,),) = await (
                    await connection.execute(
                        "SELECT account_id FROM bill WHERE id = %s", [issued.id]
                    )
                ).fetchall()
                work = await take_bills(connection, record, [account], [issued.uid], utility.now)
                (made,) = await rate_again(work)
            pins = [block_versions(one.line.determinants) for one in made.bill.lines]
            pinned = [block_versions(one.line.determinants) for one in issued.bill.lines]
            assert (pins == pinned) == (at.at < utility.now - HOUR)
            return made.bill.canonical_text().sha256

        then = KnowledgeTime.of(issued.made_at, utility.now)
        assert await again(then) == issued.sha256
        now = KnowledgeTime.of(utility.now - HOUR, utility.now)
        assert await again(now) != issued.sha256
