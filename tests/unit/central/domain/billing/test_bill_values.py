from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest

from central.domain.actor import Actor, ActorKind, Via
from central.domain.billing.bill import Account, Bill, BillLine, Party, RunType, Supply
from central.domain.billing.bill_amounts import BillAmounts
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.billing.make_bill import make_bill
from central.domain.billing.read import MeterRead
from central.domain.billing.state import (
    TRANSITIONS,
    BillAction,
    BillState,
    BillTransitionError,
    SelfApprovalError,
    advance,
)
from central.domain.rating.bill_lines.line import WrittenLine
from central.domain.rating.hashing import digest
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_kept
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import person

CYCLE = Cycle.parse("2026-10")
TARIFF = """\
tariff: fixed
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
charges: [{id: customer, price: 10, per: month}]
taxes: [{id: vat, percent: 21, of: all}]
"""
ACCOUNT = Account("A-1", Party("Buyer", ("Street 1",)), Party("Seller"), Decimal("2.00"))


def supply_of(period: BillingPeriod, *reads: MeterRead) -> Supply:
    versions = [TariffVersion.of(load_kept(TARIFF, file="tariff"))]
    rated = rate({}, AgreementFacts(), versions, ResolvedCalendar(), period.days, period=period)
    return Supply("SP-1", "Fixed", period.days, "Europe/Madrid", rated, reads)


def bill(*findings: Hold) -> Bill:
    read = MeterRead(
        "S1",
        "Import",
        "kWh",
        Decimal("1.000"),
        datetime(2026, 9, 30, 22, tzinfo=UTC),
        None,
        datetime(2026, 10, 31, 23, tzinfo=UTC),
        Decimal(0),
    )
    supply = supply_of(CYCLE.period, read)
    return make_bill(ACCOUNT, CYCLE.period, [supply], findings=findings)


def test_a_bill_is_read_from_a_document_without_what_says_nothing() -> None:
    read = Hold("MISSING", "a read is missing")
    account = replace(ACCOUNT, previous_balance=None)
    plain = make_bill(account, CYCLE.period, [supply_of(CYCLE.period)])
    anew = replace(plain, revision=1, run_type=RunType.FINAL, replaces="ab", replaced="INV-1")
    for made in (plain, anew, bill(), bill(read)):
        text = made.canonical_text()
        said = json.loads(text.document)
        assert text.sha256 == digest({**_stateless(made), "lines": made.to_json()["lines"]})
        lines = [entry.to_json() for entry in made.lines]
        kept = {"cycle": str(made.period), "currency": made.currency, "state": str(made.state)}
        assert Bill.from_json({**kept, **said, "lines": lines}) == made
    said = json.loads(plain.canonical_text().document)
    assert said["seller"] == {"name": "Seller"}
    assert set(said) == {"account", "seller", "buyer", "supplies", "net"}
    unpriced = replace(plain, lines=())
    assert json.loads(unpriced.canonical_text().document)["currency"] == plain.currency


def _stateless(made: Bill) -> dict[str, object]:
    return {name: value for name, value in made.to_json().items() if name != "state"}


def test_total_is_the_sum_of_the_lines() -> None:
    made = bill()
    assert (made.amounts.net, made.amounts.tax, made.amounts.total) == (
        Decimal(10),
        Decimal("2.10"),
        Decimal("12.10"),
    )
    assert made.amounts.due == Decimal("14.10")
    assert made.state is BillState.DRAFT


def prepaid_bill() -> Bill:
    made = replace(bill(), previous_balance=None)
    drawn = made.lines[0].line._replace(id="prepaid", kind="settlement", amount=Decimal("-12.10"))
    return replace(made, lines=(*made.lines, BillLine(3, "SP-1", drawn)))


def test_settlements_stand_beside_the_net() -> None:
    amounts = prepaid_bill().amounts
    assert [(row.name, str(row.amount)) for row in amounts.rows] == [
        ("Net", "10.00"),
        ("Taxes", "2.10"),
        ("Total", "12.10"),
        ("Settlements", "-12.10"),
        ("Amount due", "0.00"),
    ]
    assert BillAmounts.from_json(prepaid_bill().to_json()) == amounts


def test_what_a_previous_balance_makes_due_is_called_by_its_sign() -> None:
    amounts = bill().amounts
    assert (amounts.rows[-1], amounts.due_label) == (
        ("Amount due", Decimal("14.10"), True),
        "Amount due",
    )
    credit = replace(amounts, previous_balance=Decimal(-20))
    assert (credit.due, credit.due_label) == (Decimal("-7.90"), "Credit in your favour")


def test_a_bill_of_an_earlier_release_goes_on_saying_its_net() -> None:
    said = {**prepaid_bill().to_json(), "net": "-2.10", "total": "0.00"}
    del said["settled"]
    old = Bill.from_json(said)
    assert old.to_json() == said
    assert old.amounts.rows[-1] == ("Total", Decimal("0.00"), True)
    assert BillAmounts.from_json(said) == old.amounts


def test_findings_hold_the_bill() -> None:
    made = bill(Hold("LOST_RANGE", "Batches were lost."))
    assert made.state is BillState.HELD
    assert made.holds[0].code == "LOST_RANGE"


def test_bill_survives_json_and_keeps_its_hash() -> None:
    made = bill()
    again = Bill.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert again.sha256 == bill().sha256


def test_hash_of_a_monthly_bill_is_that_of_earlier_releases() -> None:
    made = bill()
    assert made.sha256 == "3cc3c1541988b8eabd832508c51b70949bc87ed8e80b159c7f584de48dbf1ee3"
    inputs = "45602e0dbf5c3ddddc1caefe2bff563820adaaed24f73cfd4e10b6745da5aab3"
    assert made.supplies[0].input_sha256 == inputs


def test_lines_written_by_rating_are_not_written_again_unless_they_are_replaced() -> None:
    plain = bill()
    texts = tuple(WrittenLine(entry.line, "text") for entry in plain.lines)
    written = replace(plain, written_lines=texts)
    assert set(written.canonical_text().lines) == {"text"}
    again = tuple(replace(one, line=one.line._replace(note=one.line.note)) for one in plain.lines)
    assert replace(written, lines=again).canonical_text() == plain.canonical_text()


def test_bill_of_two_months_survives_json() -> None:
    period = BillingCycle("bimonthly", date(2026, 1, 1), 2).period_of(date(2026, 10, 1))
    made = make_bill(ACCOUNT, period, [supply_of(period)])
    said = json.loads(json.dumps(made.to_json()))
    assert said["cycle"] == "2026-10.bimonthly"
    assert Bill.from_json(said) == made
    assert made.amounts.net == 20


def test_state_is_no_part_of_the_hash_and_amounts_are() -> None:
    made = bill()
    said = made.to_json() | {"state": "approved"}
    assert Bill.from_json(said).sha256 == made.sha256
    said["previous_balance"] = "2.01"
    assert Bill.from_json(said).sha256 != made.sha256


@pytest.mark.parametrize(("state", "action"), list(product(BillState, BillAction)))
def test_only_the_table_moves_a_bill(state: BillState, action: BillAction) -> None:
    if (state, action) in TRANSITIONS:
        after = advance(state, action, actor=person("b"), creator="a")
        assert after is TRANSITIONS[state, action]
    else:
        with pytest.raises(BillTransitionError):
            advance(state, action, actor=person("b"), creator="a")


@pytest.mark.parametrize("via", Via)
def test_nobody_approves_their_own_bill_by_whatever_way(via: Via) -> None:
    with pytest.raises(SelfApprovalError):
        advance(BillState.DRAFT, BillAction.APPROVE, actor=person("a", via), creator="a")


def test_another_kind_of_the_same_name_is_somebody_else() -> None:
    token = Actor(ActorKind.TOKEN, "a", Via.API)
    assert advance(BillState.DRAFT, BillAction.APPROVE, actor=token, creator="a") is (
        BillState.APPROVED
    )


def test_nothing_leaves_issued() -> None:
    assert not [action for state, action in TRANSITIONS if state is BillState.ISSUED]


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2026-10", date(2026, 10, 1), date(2026, 11, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("2026-01@31", date(2026, 1, 31), date(2026, 2, 28)),
        ("2026-02@31", date(2026, 2, 28), date(2026, 3, 31)),
        ("2028-02@30", date(2028, 2, 29), date(2028, 3, 30)),
    ],
)
def test_cycles_keep_their_anchor(text: str, first: date, end: date) -> None:
    cycle = Cycle.parse(text)
    assert (cycle.days.first, cycle.days.end) == (first, end)
    assert cycle.next.previous == cycle
    assert str(cycle) == text


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-00", "26-10", "2026-10@0", "2026-10@32"])
def test_no_cycle(text: str) -> None:
    with pytest.raises(InvalidValueError):
        Cycle.parse(text)


def test_cycle_is_cut_at_local_midnight() -> None:
    interval = CYCLE.interval("Europe/Madrid")
    assert interval.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert interval.end == datetime(2026, 10, 31, 23, tzinfo=UTC)
