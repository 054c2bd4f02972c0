"""The published hourly bill of a Spanish household, from registers to the cent, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.lineage import ExplainBill
from central.service.rating.input_files import counted_steps
from central.service.rating.series_csv import read_series_file
from firmware_bridge.contract.interval import MIDNIGHT
from tests.support.actors import noted
from tests.support.books import Utility
from tests.support.data import data_root
from tests.support.ingest import Edge
from tests.support.spanish_bill import (
    AUTUMN,
    DAYS,
    HOURLY,
    SPRING,
    expected_lines,
    hours_csv,
    price_csvs,
    published,
    tariff_text,
)
from tests.support.stored_case import StoredCase

MADRID = ZoneInfo("Europe/Madrid")


async def test_hours_of_a_register_become_the_published_bill(utility: Utility) -> None:
    folder = data_root("spain", "pvpc")
    blocks = counted_steps(hours_csv(folder), "import", "hours", (MADRID, MIDNIGHT), 1)
    case = StoredCase(
        "ES-1",
        (tariff_text(folder),),
        BillingPeriod("2020-03.read", DAYS, 1, DAYS.end),
        DAYS,
        {"import": blocks},
        AgreementFacts.of(contracted_kw=Decimal("4.6")),
        tuple(
            read_series_file(text, name, name, MADRID) for name, text in price_csvs(folder).items()
        ),
    )
    utility.now = datetime(2020, 4, 20, 12, tzinfo=UTC)
    edge = Edge("gw-1")
    await utility.gateways.enrol(edge.name, noted(utility.now))
    await utility.enrol.seller(Party("Sierra Power", ("Plaza 1",), "ESB1"))
    await case.enter(utility, edge)
    await utility.validate()
    record = await case.bill(utility)
    lines = {entry.line.id: entry.line.amount for entry in record.bill.lines}
    assert lines == expected_lines(folder)
    assert record.bill.amounts.total == Decimal("77.08")
    assert record.kwh == Decimal("472.931")
    explained = await ExplainBill(utility.billing).bill(str(record.uid))
    proofs = [proof for line in explained for proof in line.proofs]
    assert all(proof.sum == proof.determinant.exact for proof in proofs)
    assert max(len(proof.intervals) for proof in proofs) == 720
    priced = {one.entry.line.id: one for one in explained if one.worth is not None}
    assert list(priced) == ["toll", "energy"]
    assert all(one.worth == one.entry.line.exact for one in priced.values())


async def test_days_of_clock_changes_bill_each_hour_at_its_price(utility: Utility) -> None:
    folder = data_root("spain", "esios")
    utility.now = datetime(2022, 5, 20, 12, tzinfo=UTC)
    edge = Edge("gw-1")
    await utility.gateways.enrol(edge.name, noted(utility.now))
    await utility.enrol.seller(Party("Sierra Power", ("Plaza 1",), "ESB1"))
    for day, file in (
        (AUTUMN, "PVPC_CURV_DD_2021_10_31.json"),
        (SPRING, "PVPC_CURV_DD_2022_03_27.json"),
    ):
        prices = published(folder, file)
        # Another use in every hour, so that an hour at its neighbour's price is seen.
        use = [Decimal(number + 1) / 10 for number in range(len(prices))]
        blocks = counted_steps(
            "\n".join(f"{at.isoformat()},{kwh}" for (at, _), kwh in zip(prices, use, strict=True)),
            *("import", "use", (MADRID, MIDNIGHT), 1),
        )
        text = "\n".join(f"{at.isoformat()},{price}" for at, price in prices)
        case = StoredCase(
            f"ES-{day}",
            (HOURLY,),
            Cycle(day.year, day.month).period,
            DayRange(day, day + timedelta(days=1)),
            {"import": blocks},
            AgreementFacts(),
            (read_series_file(text, "PVPC", "PVPC", MADRID),),
        )
        await case.enter(utility, edge)
        await utility.validate()
        record = await case.bill(utility)
        (entry,) = record.bill.lines
        exact = sum(price * kwh for (_, price), kwh in zip(prices, use, strict=True))
        assert entry.line.exact == Fraction(exact)
        assert entry.line.amount == Decimal(exact).quantize(Decimal("0.01"))
        assert entry.line.quantity == sum(use)
        ((proof,),) = (
            line.proofs for line in await ExplainBill(utility.billing).bill(str(record.uid))
        )
        assert proof.worth == exact
        assert [used.price for used in proof.intervals] == [price for _, price in prices]
