"""What pages show of billing, from the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from central.adapters.timescale.named_query import Asker, Record, as_prefix, as_text, as_uuid
from central.adapters.timescale.pool import Pool
from central.domain.actor import printed_name
from central.domain.billing.bank_balance import BankBalance
from central.domain.billing.bill_amounts import BillAmounts
from central.domain.billing.run_scope import RunScope
from central.domain.rating.bill_lines.line import RatedLine
from central.service.ports.registry import AgreementRecord
from central.service.views.bill_filter import ANY_BILL, BillFilter
from central.service.views.billing import (
    AccountView,
    AgreementView,
    BankView,
    BillView,
    LineView,
    NotBilledView,
    RunView,
)
from central.service.views.paging import (
    Page,
    day_of_cursor,
    decode_cursor,
    encode_cursor,
    paged,
)
from central.service.views.run_progress import RunProgress
from central.service.views.tariffs import TariffUse, TariffView

_INT4_MAX = 2**31 - 1
_COUNTED = 100_000


class TimescaleBilling:
    """`BillingOverview` on PostgreSQL.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def accounts(
        self,
        *,
        today: date,
        search: str = "",
        since: datetime | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[AccountView]:
        """See `BillingOverview`."""
        key = decode_cursor(after, (str,))
        values = {
            "today": today,
            "prefix": as_prefix(search),
            "number": None,
            "id": None,
            "since": since,
            "after": None if key is None else key[0],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("accounts", values)
        return paged([_account(row) for row in rows], limit, lambda view: (view.number,))

    async def account(self, account: str, today: date) -> AccountView | None:
        """See `BillingOverview`."""
        identifier = as_uuid(account)
        if identifier is None:
            return None
        return await self._one_account(today, identifier=identifier)

    async def account_numbered(self, number: str, today: date) -> AccountView | None:
        """See `BillingOverview`."""
        stored = as_text(number)
        return None if stored is None else await self._one_account(today, number=stored)

    async def _one_account(
        self, today: date, *, identifier: UUID | None = None, number: str | None = None
    ) -> AccountView | None:
        values = {
            "today": today, "prefix": "%", "number": number,
            "id": identifier, "since": None, "after": None, "limit": 1,
        }  # fmt: skip
        row = await self._ask.row("accounts", values)
        return None if row is None else _account(row)

    async def agreements(
        self, account: str, *, since: datetime | None = None, after: str | None = None, limit: int
    ) -> Page[AgreementView]:
        """See `BillingOverview`."""
        key = decode_cursor(after, (str, int)) or (None, None)
        values = {
            "account": as_uuid(account),
            "since": since,
            "after_day": None if key[0] is None else day_of_cursor(key[0]),
            "after_id": key[1],
            "limit": limit + 1,
        }
        keyed = {row[0]: _agreement(row) for row in await self._ask.rows("agreements", values)}
        page = paged(
            list(keyed.items()), limit, lambda entry: (entry[1].start.isoformat(), entry[0])
        )
        return page.map(lambda entry: entry[1])

    async def agreement(self, agreement: str) -> AgreementView | None:
        """See `BillingOverview`."""
        identifier = as_uuid(agreement)
        return None if identifier is None else await self._one_agreement({"id": identifier})

    async def agreement_agreed(self, agreed: AgreementRecord) -> AgreementView | None:
        """See `BillingOverview`."""
        return await self._one_agreement(
            {
                "account": as_text(agreed.account) or "",
                "point": as_text(agreed.point) or "",
                "service": agreed.service,
                "tariff": as_text(agreed.tariff) or "",
                "first": agreed.first,
            }
        )

    async def _one_agreement(self, wanted: Mapping[str, object]) -> AgreementView | None:
        every = dict.fromkeys(("id", "account", "point", "service", "tariff", "first"))
        row = await self._ask.row("agreement", {**every, **wanted})
        return None if row is None else _agreement(row)

    async def tariff_version(self, tariff: str, effective: date) -> TariffView | None:
        """See `BillingOverview`."""
        values = {"name": as_text(tariff) or "", "effective": effective}
        row = await self._ask.row("tariff_version", values)
        return None if row is None else _tariff(row)

    async def tariffs(
        self, *, since: datetime | None = None, after: str | None = None, limit: int
    ) -> Page[TariffView]:
        """See `BillingOverview`."""
        key = decode_cursor(after, (str, str, int)) or (None, None, None)
        values = {
            "since": since,
            "after_name": key[0],
            "after_effective": None if key[1] is None else day_of_cursor(key[1]),
            "after_revision": key[2],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("tariffs", values)
        views = [_tariff(row) for row in rows]
        return paged(
            views, limit, lambda view: (view.tariff, view.effective.isoformat(), view.revision)
        )

    async def tariff_uses(
        self,
        *,
        today: date,
        search: str = "",
        name: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[TariffUse]:
        """See `BillingOverview`."""
        key = decode_cursor(after, (str,))
        values = {
            "today": today,
            "prefix": as_prefix(search),
            "name": None if name is None else as_text(name) or "",
            "after": None if key is None else key[0],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("tariff_uses", values)
        return paged([TariffUse(*row) for row in rows], limit, lambda view: (view.tariff,))

    async def runs(self, *, after: str | None = None, limit: int) -> Page[RunView]:
        """See `BillingOverview`."""
        key = decode_cursor(after, (int,))
        values = {"id": None, "after": None if key is None else key[0], "limit": limit + 1}
        rows = await self._ask.rows("runs", values)
        views = await self._summed(rows[:limit])
        return Page(views, encode_cursor((rows[limit - 1][0],)) if len(rows) > limit else None)

    async def run(self, run: str) -> RunView | None:
        """See `BillingOverview`."""
        identifier = as_uuid(run)
        if identifier is None:
            return None
        rows = await self._ask.rows("runs", {"id": identifier, "after": None, "limit": 1})
        return next(iter(await self._summed(rows)), None)

    async def run_progress(self, run: str) -> RunProgress | None:
        """See `BillingOverview`."""
        row = await self._ask.row("run_progress", {"run": as_uuid(run)})
        if row is None:
            return None
        identifier, accounts, done, starters = row
        sums = await self._ask.rows("run_sums", {"runs": [identifier]})
        totals = tuple(
            (state, currency, total) for _, state, currency, _, total in sums if total is not None
        )
        names = tuple(map(printed_name, starters))
        return RunProgress(int(accounts), int(done), names, totals)

    async def largest_changes(self, run: str, limit: int) -> tuple[BillView, ...]:
        """See `BillingOverview`."""
        rows = await self._ask.rows("largest_changes", {"run": as_uuid(run), "limit": limit})
        bills = [await self.bill(str(uid)) for (uid,) in rows]
        return tuple(bill for bill in bills if bill is not None)

    async def _summed(self, rows: Sequence[Record]) -> tuple[RunView, ...]:
        """Runs with their bills counted, in one question for all."""
        sums: dict[int, list[Record]] = defaultdict(list)
        for row in await self._ask.rows("run_sums", {"runs": [row[0] for row in rows]}):
            sums[row[0]].append(row)
        return tuple(_run(row, sums[row[0]]) for row in rows)

    async def not_billed(
        self, run: str, *, code: str | None = None, after: str | None = None, limit: int
    ) -> Page[NotBilledView]:
        """See `BillingOverview`."""
        values = {
            "run": as_uuid(run),
            "code": code,
            "after": None if (key := decode_cursor(after, (int,))) is None else key[0],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("not_billed", values)
        return paged([NotBilledView(*row) for row in rows], limit, lambda view: (view.id,))

    async def not_billed_counts(self, run: str) -> tuple[tuple[str, int], ...]:
        """See `BillingOverview`."""
        values = {"run": as_uuid(run), "most": _COUNTED}
        return tuple((code, count) for code, count in await self._ask.rows("left_out", values))

    async def bills(  # noqa: PLR0913 - a filter each
        self,
        *,
        run: str | None = None,
        account: str | None = None,
        state: str | None = None,
        search: str = "",
        wanted: BillFilter = ANY_BILL,
        after: str | None = None,
        limit: int,
    ) -> Page[BillView]:
        """See `BillingOverview`."""
        key = decode_cursor(after, (int,))
        asked = (run, account)
        identifiers = [None if name is None else as_uuid(name) for name in asked]
        if any(name and found is None for name, found in zip(asked, identifiers, strict=True)):
            return Page(())
        values = {
            "id": None,
            "run": identifiers[0],
            "account": identifiers[1],
            "state": state,
            "search": as_prefix(search) if search else None,
            "after": None if key is None else key[0],
            "limit": limit + 1,
            **asdict(wanted),
        }
        rows = await self._ask.rows("bills", values)
        more = encode_cursor((rows[limit - 1][0],)) if len(rows) > limit else None
        return Page(tuple(_bill(row) for row in rows[:limit]), more)

    async def bill(self, bill: str) -> BillView | None:
        """See `BillingOverview`."""
        identifier = as_uuid(bill)
        if identifier is None:
            return None
        values = {
            "id": identifier, "run": None, "account": None, "state": None, "search": None,
            "after": None, "limit": 1, **asdict(ANY_BILL),
        }  # fmt: skip
        row = await self._ask.row("bills", values)
        return None if row is None else _bill(row)

    async def lines(self, bill: str) -> tuple[LineView, ...]:
        """See `BillingOverview`."""
        rows = await self._ask.rows("lines", {"bill": as_uuid(bill), "number": None})
        return tuple(map(_line, rows))

    async def line(self, bill: str, number: int) -> tuple[LineView, RatedLine] | None:
        """See `BillingOverview`."""
        if not 0 < number <= _INT4_MAX:
            return None
        asked = {"bill": as_uuid(bill), "number": number}
        row = await self._ask.row("lines", asked)
        lineage = await self._ask.row("lineage", asked)
        if row is None or lineage is None:
            return None
        return _line(row), RatedLine.from_json(lineage[0])


def _agreement(row: Record) -> AgreementView:
    return AgreementView(str(row[1]), str(row[2]), row[3], str(row[4]), *row[5:])


def _tariff(row: Record) -> TariffView:
    return TariffView(row[0], row[1], row[2].hex(), *row[3:])


def _account(row: Record) -> AccountView:
    uid, number, name, agreements = row
    return AccountView(str(uid), number, name, agreements)


def _run(row: Record, sums: Sequence[Record]) -> RunView:
    _, uid, cycle, kind, scope, started_at, finished_at = row
    counts: dict[str, int] = defaultdict(int)
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for _, state, currency, count, total in sums:
        counts[state] += int(count)
        if state != "held" and total is not None:
            totals[currency] += total
    return RunView(
        run=str(uid),
        cycle=cycle,
        kind=kind,
        state="running" if finished_at is None else "finished",
        started_at=started_at,
        finished_at=finished_at,
        bills=sum(counts.values()) - counts["cancelled"],
        held=counts["held"],
        drafts=counts["draft"],
        approved=counts["approved"],
        issued=counts["issued"],
        cancelled=counts["cancelled"],
        totals=tuple(sorted(totals.items())),
        scope=str(RunScope.from_json(scope)) or None,
    )


def _bill(row: Record) -> BillView:
    (
        _, uid, run, cycle, account, account_name, account_number, number, issued_on, due_on,
        content_sha256, state, holds, start, end, currency, amounts, sha256, creator, approver,
        cancelled, day_start, kind, banking,
    ) = row  # fmt: skip
    return BillView(
        bill=str(uid),
        run=str(run),
        cycle=cycle,
        account=str(account),
        account_name=account_name,
        account_number=account_number,
        number=number,
        issued_on=issued_on,
        due_on=due_on,
        content_sha256=None if content_sha256 is None else content_sha256.hex(),
        state="cancelled" if cancelled else state,
        reason=" ".join(str(hold.get("message", hold)) for hold in holds) or None,
        start=start,
        end=end,
        currency=currency,
        amounts=None if amounts is None else BillAmounts.from_json(amounts),
        sha256=None if sha256 is None else sha256.hex(),
        creator=_name(creator),
        approver=_name(approver),
        day_start=day_start,
        kind=kind,
        banks=tuple(
            BankView(supply["service_point"], BankBalance.from_json(bank))
            for supply in banking
            for bank in supply["banks"]
        ),
    )


def _line(row: Record) -> LineView:
    number, charge, kind, label, text, quantity, unit, price, amount, explained, adjusts = row
    return LineView(
        number=number,
        charge=charge,
        kind=kind,
        label=label or None,
        text=text,
        quantity=quantity,
        unit=unit or None,
        price=price,
        amount=amount,
        explained=explained,
        adjusts=adjusts,
    )


def _name(key: str | None) -> str | None:
    return None if key is None else printed_name(key)
