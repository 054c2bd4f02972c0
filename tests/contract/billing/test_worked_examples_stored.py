"""Worked examples from registers through the run, on every store: what `rate` says, a bill says."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.service.rating.bill_case import BillCase, read_case
from tests.support.actors import noted
from tests.support.books import Utility
from tests.support.data import REPOSITORY
from tests.support.ingest import Edge
from tests.support.size import sized
from tests.support.stored_case import StoredCase

FOLDER = REPOSITORY / "docs" / "reference" / "tariffs"
COUNT = sized("METERLINE_STORED_EXAMPLES", 0, 1_000)
INPUTS = {"import", "export", "kvarh", "kvah", "m3"}
# What a store has in another form, or one customer's bill does not show.
ELSEWHERE = {"events", "grants", "successor"}
STATES = {"peaks", "credits", "sums"}


def cases() -> dict[str, BillCase]:
    """The examples whose bills one customer with one meter an input can have."""
    chosen: dict[str, BillCase] = {}
    for path in sorted(FOLDER.glob("*.bill.yaml"))[:COUNT]:
        case = read_case(path.read_text(), path.name, lambda name: (FOLDER / name).read_text())
        given = case.given
        one_meter = all(isinstance(rules, list) for rules in given.get("load", {}).values())
        if (
            not ELSEWHERE & set(given)
            and set(given.get("load", {})) <= INPUTS
            and one_meter
            and set(given.get("opening", {})) <= STATES
            # A sum that is taken over says no days that its year or term has counted.
            and not any(sums[2:] for sums in given.get("opening", {}).get("sums", ()))
        ):
            chosen[path.name.removesuffix(".bill.yaml")] = case
    return chosen


async def test_worked_examples_are_billed_as_they_are_rated(utility: Utility) -> None:
    if not COUNT:
        pytest.skip("examples are billed on a store in the soak")
    examples = cases()
    assert len(examples) > 50
    utility.now = datetime(2015, 1, 1, tzinfo=UTC)
    edge = Edge("gw-1")
    await utility.gateways.enrol(edge.name, noted(utility.now))
    await utility.enrol.seller(Party("Sierra Power", ("Plaza 1",), "ESB1"))
    wrong = {}
    for name in sorted(examples, key=lambda name: examples[name].period.days.end):
        case = examples[name]
        last = case.period.days.last
        over = Cycle(last.year, last.month).days.end + timedelta(days=10)
        utility.now = datetime.combine(over, time(12), UTC)
        customer = StoredCase.of(name, case)
        await customer.enter(utility, edge)
        await utility.validate()
        bill = (await customer.bill(utility)).bill
        amounts = {entry.line.key: entry.line.amount for entry in bill.lines}
        expected = {line["key"]: Decimal(line["amount"]) for line in case.given["lines"]}
        if amounts != expected:
            wrong[name] = (amounts, expected)
    assert wrong == {}
