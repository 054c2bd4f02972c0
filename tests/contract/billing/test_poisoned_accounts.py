"""One account or tariff that cannot be rated is held and named; the others are billed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.hold import Hold
from central.service.billing import rate_parts, run_bills
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import RunSummary
from central.service.ports.registry import AgreementRecord, TariffRecord
from tests.support.actors import CLERK, OPERATOR
from tests.support.books import HOURLY, NOW, TARIFF, Utility, month

CYCLE = Cycle.parse("2026-10")
CUSTOMERS = 5
RULES_OF_OLD = TARIFF.replace("per: month", "per: fortnight").replace("HOME", "OLD")


async def bill(utility: Utility, shard_size: int = 500) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW, shard_size)(CYCLE, CLERK)


async def supplied(utility: Utility) -> None:
    edge = await utility.found(CUSTOMERS, period_s=HOURLY)
    for number in range(1, CUSTOMERS + 1):
        await utility.deliver(edge, month(f"S{number}", step=20 + number, period_s=HOURLY))
    await utility.validate()


def held(summary: RunSummary) -> dict[str, tuple[Hold, ...]]:
    return {head.account: head.holds for head in summary.held}


def poison(monkeypatch: pytest.MonkeyPatch, *steps: int) -> None:
    """Rating fails for the meters that count so much each quarter-hour."""

    def rated(meters: Sequence[Meter], terms: Terms) -> list[Rated]:
        for meter in meters:
            if int(meter.blocks["import"][0].values[0]) // 4 in steps:
                message = "nobody thought of \x00 this"
                raise ZeroDivisionError(message)
        return rate_many(meters, terms)

    monkeypatch.setattr(rate_parts, "rate_many", rated)


@pytest.mark.parametrize("poisoned", [(1,), (2, 5), (1, 2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("shard_size", [500, 2])
async def test_accounts_that_cannot_be_rated_are_held_alone(
    utility: Utility,
    monkeypatch: pytest.MonkeyPatch,
    poisoned: tuple[int, ...],
    shard_size: int,
) -> None:
    await supplied(utility)
    with monkeypatch.context() as patched:
        poison(patched, *(20 + number for number in poisoned))
        summary = await bill(utility, shard_size)
        assert set(held(summary)) == {f"A-{number}" for number in poisoned}
        assert summary.accounts == CUSTOMERS
        for (hold,) in held(summary).values():
            assert hold.code == "RATING_FAILED"
            assert hold.evidence == "ZeroDivisionError: nobody thought of \\x00 this"
        # It is no better the second night, and costs nobody anything.
        again = await bill(utility, shard_size)
        assert held(again) == held(summary)
        assert again.totals == summary.totals
    # Where the reason is gone, the same run bills them.
    mended = await bill(utility, shard_size)
    assert mended.bills == {BillState.DRAFT: CUSTOMERS}
    assert mended.kwh == mended.validated_kwh


async def test_the_others_are_billed_as_if_nothing_were(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    await supplied(utility)
    with monkeypatch.context() as patched:
        poison(patched, 23)
        run = (await bill(utility)).run
    before = {head.account: (head.uid, head.total) for head in await utility.billing.heads(run)}
    assert before.pop("A-3")[1] is None
    await bill(utility)
    after = {head.account: (head.uid, head.total) for head in await utility.billing.heads(run)}
    assert after.pop("A-3")[1] is not None
    assert after == before


async def test_a_worker_that_dies_between_leaves_the_shard_to_the_next(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    await supplied(utility)
    poison(monkeypatch, 22)
    use_case = RunBills(utility.billing, lambda: NOW)
    run = await use_case.start(CYCLE, CLERK)
    with monkeypatch.context() as patched:
        saved = asyncio.Event()

        async def stuck(*_: object) -> int:
            saved.set()
            return await asyncio.Future()

        patched.setattr(run_bills, "_save", stuck)
        worker = asyncio.ensure_future(use_case.work(run))
        await saved.wait()
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
    assert await utility.billing.open_shards(run) == 1
    assert await RunBills(utility.billing, lambda: NOW).work(run) == CUSTOMERS
    summary = await utility.billing.summary(run)
    assert summary.bills == {BillState.DRAFT: CUSTOMERS - 1, BillState.HELD: 1}


async def keep_tariff(utility: Utility, document: str, effective: date) -> None:
    """Put a tariff into the store as an earlier release took it."""
    record = TariffRecord("OLD", effective, document, "ab" * 32, "EUR")
    async with utility.registry.transaction(utility.now) as books:
        await books.add_tariff_version(record, OPERATOR, NOW)


async def take_old(utility: Utility, *customers: int) -> None:
    for number in customers:
        first = date(2026, 9, 1)
        agreed = AgreementRecord(f"A-{number}", f"SP-{number}", "HOME", first)
        await utility.enrol.agreement(replace(agreed, end=date(2026, 10, 1)))
        await utility.enrol.agreement(replace(agreed, tariff="OLD", first=date(2026, 10, 1)))


async def test_a_kept_tariff_that_this_release_refuses_holds_its_accounts_alone(
    utility: Utility,
) -> None:
    await supplied(utility)
    await keep_tariff(utility, RULES_OF_OLD, date(2026, 1, 1))
    await take_old(utility, 2, 4)
    summary = await bill(utility)
    assert summary.bills == {BillState.DRAFT: CUSTOMERS - 2, BillState.HELD: 2}
    assert set(held(summary)) == {"A-2", "A-4"}
    for (hold,) in held(summary).values():
        assert hold.code == "TARIFF_REFUSED"
        assert "OLD that is in force from 2026-01-01 on" in hold.message
        assert hold.evidence.startswith("TariffRefusedError: ")
        assert "fortnight" in hold.evidence


async def test_holidays_that_are_not_known_hold_the_accounts_of_their_tariff(
    utility: Utility,
) -> None:
    await supplied(utility)
    unknown = TARIFF.replace("HOME", "OLD").replace("  days:", "  holidays: {country: QQ}\n  days:")
    await keep_tariff(utility, unknown, date(2026, 1, 1))
    await take_old(utility, 3)
    summary = await bill(utility)
    assert set(held(summary)) == {"A-3"}
    assert held(summary)["A-3"][0].code == "TARIFF_REFUSED"


async def test_a_refused_version_that_is_not_in_force_holds_nothing(utility: Utility) -> None:
    await supplied(utility)
    plain = TARIFF.replace("HOME", "OLD")
    await keep_tariff(utility, RULES_OF_OLD, date(2020, 1, 1))
    await keep_tariff(utility, plain, date(2026, 10, 1))
    later = RULES_OF_OLD.replace("2026-01-01", "2026-11-01")
    await keep_tariff(utility, later, date(2026, 11, 1))
    await take_old(utility, 1)
    assert (await bill(utility)).bills == {BillState.DRAFT: CUSTOMERS}
