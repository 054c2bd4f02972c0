"""The money of accounts on PostgreSQL; the statements are in `account_money.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.rounding import printed
from central.domain.tariff.state_rules import Owner
from central.service.ports.account_money import AccountMoney, DaysOfServices

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Key = tuple[str, str]
_NOTHING = (Decimal(0),) * 6


async def account_money(
    connection: AsyncConnection[tuple[Any, ...]],
    among: DaysOfServices | None,
    account: str | None,
    until: date,
) -> Sequence[AccountMoney]:
    """See `AccountMoneySource`; in one snapshot, as the connection's transaction has it."""

    async def rows(statement: str, **values: object) -> list[tuple[Any, ...]]:
        cursor = await connection.execute(_SQL[statement], values)
        return await cursor.fetchall()

    scope = {**days_among(among), "account": account, "until": until}
    posted = {row[:2]: row[2:] for row in await rows("entries", **scope)}
    moved = {row[:2]: row[2:] for row in await rows("movements", **scope)}
    banks = {key: frozenset(row[6]) for key, row in moved.items()}
    bills = [bill for row in moved.values() for bill in row[7]]
    lines = {row[:2]: row[2] for row in await rows("lines", bills=bills)}
    left: dict[_Key, Decimal] = defaultdict(Decimal)
    numbers = sorted({number for number, _ in moved})
    for number, currency, closing, shares in await rows("states", accounts=numbers, until=until):
        state = CarriedState.from_json(closing)
        state = state.of(Owner.OCCUPANCY) if shares else state
        left[number, currency] += _money_in(state, banks.get((number, currency), frozenset()))
    for number, currency, closing in await rows("shared_states", accounts=numbers, until=until):
        key = number, currency
        left[key] += _money_in(CarriedState.from_json(closing), banks.get(key, frozenset()))
    return [
        _account_money(
            key, posted.get(key, _NOTHING), moved.get(key, _NOTHING), left[key], lines.get(key)
        )
        for key in sorted(posted.keys() | moved.keys())
    ]


def days_among(among: DaysOfServices | None) -> dict[str, list[Any] | None]:
    """Days of services as the arrays of a statement; without any, all are meant."""
    if among is None:
        return {"services": None, "firsts": None, "ends": None}
    rows = [(service, days.first, days.end) for service, ranges in among.items() for days in ranges]
    return {
        "services": [row[0] for row in rows],
        "firsts": [row[1] for row in rows],
        "ends": [row[2] for row in rows],
    }


def _account_money(
    key: _Key,
    posted: Sequence[Decimal],
    moved: Sequence[Decimal],
    left: Decimal,
    lines: Decimal | None,
) -> AccountMoney:
    amount, refunds, expiries, paid, consumed, waiting = posted
    received, earned, applied, refunded, expired, brought = moved[:6]
    return AccountMoney(
        account=key[0],
        currency=key[1],
        received=amount + brought + earned,
        applied=applied + paid,
        refunded=refunded + refunds,
        expired=expired + expiries,
        balance=left + waiting,
        lines=lines or Decimal(0),
        moved=applied + refunded,
        consumed=consumed,
        taken=received,
    )


def _money_in(state: CarriedState, banks: Collection[str]) -> Decimal:
    return sum(
        (printed(credit.amount) for credit in state.credits if credit.bank in banks), Decimal(0)
    )
