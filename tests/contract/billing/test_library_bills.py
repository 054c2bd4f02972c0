"""Every bill of the library of tariffs, from registers through the run, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from central.domain.billing.bill import Party
from central.service.rating.tariff_library import library_bills, library_names
from tests.support.actors import noted
from tests.support.books import Utility
from tests.support.ingest import Edge
from tests.support.stored_case import StoredCase


async def test_every_bill_of_the_library_is_billed_to_the_cent(utility: Utility) -> None:
    """All customers are in one database, which lives through the years of their bills."""
    every = {file: case for name in library_names() for file, case in library_bills(name)}
    # Events are kept in a database alone.
    cases = {file: case for file, case in every.items() if utility.pool or not case.events}
    in_time = sorted(cases, key=lambda file: cases[file].period.days.end)
    utility.now = datetime(2015, 1, 1, tzinfo=UTC)
    edge = Edge("gw-1")
    await utility.gateways.enrol(edge.name, noted(utility.now))
    await utility.enrol.seller(Party("Sierra Power", ("Plaza 1",), "ESB1"))
    for file in in_time:
        customer = StoredCase.of(file, cases[file])
        end = cases[file].period.days.end
        utility.now = datetime.combine(end, time(12), UTC) + timedelta(days=10)
        await customer.enter(utility, edge)
        await utility.validate()
        bill = (await customer.bill(utility)).bill
        amounts = {entry.line.key: entry.line.amount for entry in bill.lines}
        expected = cases[file].given
        assert amounts == {line["key"]: Decimal(line["amount"]) for line in expected["lines"]}, file
        assert bill.amounts.billed == Decimal(expected["total"]), file
