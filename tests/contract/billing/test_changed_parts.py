"""Issued bills are rated again where a fact of their days changed, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from central.adapters.timescale.billing import stamps, tail
from central.domain.billing.bill import Party
from central.domain.billing.correction import CorrectionWay, NothingToCorrectError
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.billing.correction_report import CorrectionReport
from central.service.billing.post_entries import AccountLedger
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.stamps import ChangedInput, InputKind
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK
from tests.support.candidate_books import SWEPT, Swept, swept_utility
from tests.support.corrected_books import AUGUST, DECEMBER, NOVEMBER, OCTOBER, SEPTEMBER, late
from tests.support.daily_books import DAY, measured, settle
from tests.support.servers import Database
from tests.support.size import sized

HOUR = timedelta(hours=1)
PREPAID = """\
tariff: PRE
effective: {since}
zone: UTC
currency: {{code: EUR, digits: 2}}
cycle: {{normal_days: 30}}
needs: {{contracted: kW}}
determinants: {{kwh: {{sum: import}}}}
charges:
  - {{id: energy, qty: kwh, price: {price}}}
  - {{id: power, qty: contracted, price: 2, per: month}}
settlement: [prepaid]
"""
CHANGES = 14
SEEDS = sized("METERLINE_CHANGED_SEEDS", 1, 20)


pytestmark = pytest.mark.begins_with(SWEPT)


@pytest.fixture
async def swept(migrated: Database) -> AsyncIterator[Swept]:
    async with swept_utility(migrated.dsn) as made:
        yield made


class Changes:
    """What happens to two accounts with issued bills, A-1 that nets and A-2 that pays before."""

    def __init__(self, swept: Swept, seed: int = 0) -> None:
        self.utility = swept.books.utility
        self.ledger = AccountLedger(
            self.utility.ledger, self.utility.billing, lambda: self.utility.now
        )
        self.chance = random.Random(seed)  # noqa: S311 - a draw
        self.versions: dict[tuple[int, date], int] = {}
        self.count = 0

    async def begin(self) -> None:
        """A-2 at SP-2 since September, who has paid 50 in; two months are issued."""
        utility = self.utility
        await utility.enrol.tariff(PREPAID.format(price="0.30", since="2026-01-01"))
        record = PointRecord("SP-2", "UTC")
        channel = PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
        await utility.enrol.service_point(record, channel)
        await utility.enrol.account(AccountRecord("A-2", Party("Customer 2")))
        facts = AgreementFacts.of(contracted=Decimal(5))
        await utility.enrol.agreement(AgreementRecord("A-2", "SP-2", "PRE", SEPTEMBER, facts=facts))
        await self.pay("first", SEPTEMBER, 50)
        await measured(utility, SEPTEMBER, NOVEMBER, 3)
        for channel_id in (1, 2, 3):
            await measured(utility, NOVEMBER, NOVEMBER + 19 * DAY, channel_id)
        utility.now += HOUR
        for period in ("2026-09", "2026-10"):
            await settle(utility, period)
        utility.now += HOUR

    async def pay(self, key: str, day: date, amount: int) -> None:
        entry = LedgerEntry(
            key, "A-2", EntryKind.PAY_IN, day, "EUR", Decimal(amount), bank="prepaid"
        )
        await self.ledger.post(entry, CLERK, "transfer")

    async def one(self) -> str:
        """Something, drawn."""
        kinds = ("late", "late", "late", "late", "pay", "fact", "price", "name", "point")
        kind = self.chance.choice((*kinds, "neighbour"))
        self.count += 1
        await getattr(self, f"_{kind}")()
        return kind

    def _day(self, first: date = SEPTEMBER) -> date:
        return first + DAY * self.chance.randrange((NOVEMBER + 19 * DAY - first).days)

    async def _late(self) -> None:
        channel = self.chance.choice((1, 2, 3))
        day = self._day(SEPTEMBER if channel == 3 else AUGUST)
        version = self.versions[channel, day] = self.versions.get((channel, day), 1) + 1
        await late(self.utility, day, self.chance.choice((9_000, 10_000, 30_000)), channel, version)

    async def _pay(self) -> None:
        await self.pay(f"p-{self.count}", self._day(), 10)

    async def _fact(self) -> None:
        value = Decimal(self.chance.choice((5, 6)))
        facts = AgreementFacts((Fact("contracted", value, self._day()),))
        await self.utility.enrol.agreement(
            AgreementRecord("A-2", "SP-2", "PRE", SEPTEMBER, facts=facts)
        )

    async def _price(self) -> None:
        price = self.chance.choice(("0.30", "0.35", "0.40"))
        since = self._day().isoformat()
        document = PREPAID.format(price=price, since=since)
        await self.utility.enrol.tariff(document, reason="another price")

    async def _name(self) -> None:
        number = self.chance.choice((1, 2))
        name = f"Name {self.count}"
        await self.utility.enrol.account(AccountRecord(f"A-{number}", Party(name)))

    async def _point(self) -> None:
        await self.utility.enrol.service_point(
            PointRecord("SP-2", "UTC", "", Decimal(1000 + self.count))
        )

    async def _neighbour(self) -> None:
        """A-2 moves in somewhere else as well."""
        name = f"SP-{10 + self.count}"
        channel = PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
        await self.utility.enrol.service_point(PointRecord(name, "UTC"), channel)
        await self.utility.enrol.agreement(AgreementRecord("A-2", name, "FLAT", self._day()))


async def test_only_a_fact_of_its_days_has_a_bill_rated_again(swept: Swept) -> None:
    utility, changes = swept.books.utility, Changes(swept)
    await changes.begin()
    await swept.on_change()
    utility.now += HOUR

    async def rated() -> tuple[int, int]:
        changed = await swept.on_change()
        utility.now += HOUR
        night = await swept.sweep()
        utility.now += HOUR
        return changed.rated, night.rated

    await changes.pay("another", OCTOBER, 20)
    assert await rated() == (0, 0)
    await late(utility, NOVEMBER, 30_000, 3)
    assert await rated() == (0, 0)
    await utility.enrol.account(AccountRecord("A-2", Party("Another name")))
    await utility.enrol.service_point(PointRecord("SP-2", "UTC", "", Decimal(30_000)))
    assert await rated() == (0, 0)
    facts = AgreementFacts((Fact("contracted", Decimal(8), NOVEMBER + DAY),))
    record = AgreementRecord("A-2", "SP-2", "PRE", SEPTEMBER, DECEMBER, facts=facts)
    await utility.enrol.agreement(record)
    assert await rated() == (0, 0)
    assert await swept.open() == []
    await late(utility, OCTOBER, 30_000, 3)
    assert await rated() == (1, 0)
    (candidate,) = await swept.open()
    assert (candidate.account, candidate.first) == ("A-2", OCTOBER)
    # It stays a candidate, and is not rated for what concerns it no more than before.
    await changes.pay("third", OCTOBER, 20)
    await late(utility, NOVEMBER, 31_000, 3, version=3)
    assert await rated() == (0, 0)
    # Nothing of A-1 ever changed.
    assert {each.account for each in await swept.open()} == {"A-2"}


async def _whole(swept: Swept, account: str, patch: pytest.MonkeyPatch) -> CorrectionReport:
    """What an account's bills would say where every one is rated again."""

    async def all_changed(_: object, uids: Sequence[UUID]) -> dict[UUID, tuple[ChangedInput, ...]]:
        return {uid: (ChangedInput(InputKind.POINT, "all"),) for uid in uids}

    async def every_bill(
        _: object, __: int, inputs: Mapping[int, tuple[ChangedInput, ...]]
    ) -> Mapping[int, tuple[ChangedInput, ...]]:
        return inputs

    with patch.context() as within:
        within.setattr(stamps, "changed_inputs", all_changed)
        within.setattr(tail, "changed_bills", every_bill)
        return await swept.books.correct.preview(account)


def _lines(reports: Collection[CorrectionReport]) -> list[list[object]]:
    return [[each.to_json() for b in one.tail for each in b.differences] for one in reports]


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
async def test_no_change_is_missed(
    swept: Swept, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    utility, changes = swept.books.utility, Changes(swept, seed)
    await changes.begin()
    rated = 0
    for _ in range(CHANGES):
        utility.now += HOUR
        kind = await changes.one()
        rated += (await swept.on_change()).rated
        found = {each.account: each for each in await swept.open()}
        for account in ("A-1", "A-2"):
            whole = await _whole(swept, account, monkeypatch)
            few = await swept.books.correct.preview(account)
            about = f"{kind} of {account}, change {changes.count} of {seed}"
            assert _lines([few]) == _lines([whole]), about
            assert (account in found) is whole.differs, about
            if whole.differs:
                keys = whole.brief().keys() - {"causes"}
                brief = {key: found[account].difference[key] for key in keys}
                assert brief == {key: whole.brief()[key] for key in keys}, about
        if found and changes.chance.random() < 0.3:
            for account in found:
                try:
                    uid = await swept.books.correct.decide(
                        account, CorrectionWay.ADJUST, CLERK, "late"
                    )
                except NothingToCorrectError as error:
                    pytest.fail(str(error))
                await swept.books.correct.approve(uid, CHIEF)
    assert rated
