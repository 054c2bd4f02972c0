"""The money of accounts in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal

from central.domain.billing.ledger import ONE_OFF, EntryKind
from central.domain.billing.state import BillState
from central.domain.rating.inputs.account_state import AccountOwn
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.rounding import printed
from central.domain.tariff.state_rules import Owner
from central.service.ports.account_money import AccountMoney
from tests.support.memory.books import BookState, KeptBill, KeptPart
from tests.support.memory.ledger import consumer_of

_LIVE = frozenset({BillState.DRAFT, BillState.APPROVED, BillState.ISSUED})
_Sums = dict[str, Decimal]


def account_money(
    state: BookState, numbers: Collection[str], until: date
) -> Sequence[AccountMoney]:
    """See `AccountMoneySource`, for some accounts."""
    sums: dict[tuple[str, str], _Sums] = defaultdict(lambda: defaultdict(Decimal))
    for posted in state.ledger.values():
        entry = posted.entry
        if not entry.of and entry.day < until and entry.account in numbers:
            _add_entry(state, entry.key, sums[entry.account, entry.currency], until)
    newest: dict[int, tuple[KeptBill, KeptPart]] = {}
    with_money = {row.id for _, row in _parts(state, until) if row.part.money}
    for bill, row in _parts(state, until):
        if bill.record.bill.account not in numbers:
            continue
        key = bill.record.bill.account, bill.record.bill.currency
        if row.part.money:
            _add_part(bill, row, sums[key], brought=not {row.state_from, row.own_from} & with_money)
        last = newest.get(row.part.occupancy_id)
        if last is None or last[1].part.days.end < row.part.days.end:
            newest[row.part.occupancy_id] = bill, row
    _add_balances(state, list(newest.values()), sums, until)
    names = [field.name for field in fields(AccountMoney)][2:]
    return [
        AccountMoney(number, currency, *(sums[number, currency][name] for name in names))
        for number, currency in sorted(sums)
    ]


def _add_balances(
    state: BookState,
    newest: Sequence[tuple[KeptBill, KeptPart]],
    sums: dict[tuple[str, str], _Sums],
    until: date,
) -> None:
    shared: dict[tuple[str, str], AccountOwn] = {}
    for bill, row in _parts(state, until):
        key = bill.record.bill.account, bill.record.bill.currency
        if row.part.shared is not None and key in sums:
            after = row.part.shared.after
            shared[key] = max(shared.get(key, after), after, key=lambda left: left.position)
    for bill, row in newest:
        key = bill.record.bill.account, bill.record.bill.currency
        if key in sums:
            closing = row.part.closing
            sums[key]["balance"] += _money_in(
                closing if row.part.shared is None else closing.of(Owner.OCCUPANCY)
            )
    for key, after in shared.items():
        sums[key]["balance"] += _money_in(after.state)


def _money_in(state: CarriedState) -> Decimal:
    return sum((printed(credit.amount) for credit in state.credits), Decimal(0))


def _parts(state: BookState, until: date) -> Iterator[tuple[KeptBill, KeptPart]]:
    for bill in state.bills.values():
        if bill.record.bill.state in _LIVE and bill.record.bill.days.end <= until:
            for row in bill.parts:
                yield bill, row


def _add_entry(state: BookState, key: str, sums: _Sums, until: date) -> None:
    row = state.ledger[key]
    if row.entry.kind in ONE_OFF:
        return
    sums["received"] += row.entry.amount
    remaining = row.entry.amount
    for other in state.ledger.values():
        if other.entry.of == key:
            refund = other.entry.kind is EntryKind.REFUND
            sums["refunded" if refund else "expired"] += other.entry.amount
            remaining -= other.entry.amount
    consumer = consumer_of(state, row)
    live = consumer is not None and (
        row.entry.bill != ""
        or (consumer.record.bill.state in _LIVE and consumer.record.bill.days.end <= until)
    )
    if not live:
        sums["balance"] += remaining
    else:
        sums["applied" if row.entry.kind is EntryKind.PAYMENT else "consumed"] += remaining


def _add_part(bill: KeptBill, row: KeptPart, sums: _Sums, *, brought: bool) -> None:
    for money in row.part.money:
        names = {money.bank, f"{money.bank}_settlement", f"{money.bank}-settlement"}
        sums["received"] += money.earned + (money.opened if brought else 0)
        sums["applied"] += money.applied
        sums["refunded"] += money.refunded
        sums["expired"] += money.expired
        sums["moved"] += money.applied + money.refunded
        sums["taken"] += money.received
        sums["lines"] -= sum(
            (
                line.line.amount
                for line in bill.record.bill.lines
                if line.line.id in names and line.service_point
            ),
            Decimal(0),
        )
