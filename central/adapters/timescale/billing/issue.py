"""Issue bills in one transaction: number, dates and texts are fixed in their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.audit.store import newest_head
from central.adapters.timescale.billing.documents import await_documents, keep_templates
from central.adapters.timescale.billing.settings import settings_revisions
from central.adapters.timescale.invoicing.invoicing import terms_in_force
from central.adapters.timescale.queries import load_queries
from central.domain.billing.billing_settings import DocumentKind
from central.domain.billing.document_template import template_of
from central.domain.billing.invoicing import with_terms
from central.domain.billing.issue import (
    IssuedBill,
    heads_wanted,
    number_bills,
    plan_issue,
    with_audit_head,
)
from central.domain.rating.hashing import canonical

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class ApprovedBill(NamedTuple):
    """What of an approved bill decides what it is given.

    Args:
        sha256: Of what it says, in hex.
        zone: Of its first service point.
        kind: Of its document.
    """

    sha256: str
    zone: str
    kind: DocumentKind = DocumentKind.INVOICE


async def lock_approved(
    connection: AsyncConnection[_Row], uids: Sequence[UUID]
) -> dict[UUID, ApprovedBill]:
    """Those of some bills that are approved, until the transaction ends."""
    cursor = await connection.execute(_SQL["chosen"], {"uids": list(uids)})
    return {
        uid: ApprovedBill(
            bytes(sha256).hex(), zone, DocumentKind.CREDIT_NOTE if cancels else DocumentKind.INVOICE
        )
        for uid, sha256, zone, cancels in await cursor.fetchall()
    }


async def issue_bills(
    connection: AsyncConnection[_Row], bills: Mapping[UUID, ApprovedBill], at: datetime
) -> list[IssuedBill]:
    """Issue bills in the order given.

    Args:
        connection: In the transaction that locked them.
        bills: All that are issued.
        at: Now.

    Returns:
        What each was given.

    Raises:
        BillingSettingsError: The utility has no settings on that day.
    """
    revisions = await settings_revisions(connection)
    days = plan_issue(revisions, [bill.zone for bill in bills.values()], at)
    plans = [plan._replace(kind=bill.kind) for plan, bill in zip(days, bills.values(), strict=True)]
    last = await _last(connection, sorted({plan.counter for plan in plans}))
    issued = number_bills(plans, {counter: number for counter, (number, _) in last.items()})
    if heads_wanted(plans):
        printed = {counter: day for counter, (_, day) in last.items() if day is not None}
        issued = with_audit_head(issued, plans, (await newest_head(connection)).short, printed)
    terms = await terms_in_force(connection, list(bills))
    issued = [
        entry._replace(facts=with_terms(entry.facts, terms[uid]))
        for uid, entry in zip(bills, issued, strict=True)
    ]
    await connection.execute(_SQL["issue"], {"at": at, **_columns(bills, issued)})
    newest = {entry.counter: entry.ordinal for entry in issued}
    heads = {entry.counter: entry.facts.issued for entry in issued if entry.facts.audit_head}
    values = {
        "series": list(newest),
        "last": list(newest.values()),
        "printed": [heads.get(counter) for counter in newest],
    }
    await connection.execute(_SQL["save_numbers"], values)
    await keep_templates(connection, {template_of(entry.facts.template) for entry in issued})
    await await_documents(connection, bills, at)
    return issued


async def _last(
    connection: AsyncConnection[_Row], counters: list[str]
) -> dict[str, tuple[int, date | None]]:
    """The last number of each counter, and the day of the head that it last printed.

    Nobody else gives a number until the transaction ends.
    """
    await connection.execute(_SQL["add_series"], {"series": counters})
    cursor = await connection.execute(_SQL["last_numbers"], {"series": counters})
    return {row[0]: (int(row[1]), row[2]) for row in await cursor.fetchall()}


def _columns(
    bills: Mapping[UUID, ApprovedBill], issued: Sequence[IssuedBill]
) -> dict[str, list[object]]:
    facts = [entry.facts for entry in issued]
    hashes: list[object] = [
        bytes.fromhex(given.content_sha256(bill.sha256))
        for given, bill in zip(facts, bills.values(), strict=True)
    ]
    return {
        "uids": list(bills),
        "series": [entry.counter for entry in issued],
        "places": [entry.ordinal for entry in issued],
        "numbers": [entry.number for entry in facts],
        "issued": [entry.issued for entry in facts],
        "due": [entry.due for entry in facts],
        "facts": [canonical(entry.to_json()) for entry in facts],
        "hashes": hashes,
    }


def given_numbers(issued: Sequence[IssuedBill]) -> list[dict[str, object]]:
    """The first and last number given per counter, for the audit log."""
    places: dict[str, list[int]] = {}
    for entry in issued:
        places.setdefault(entry.counter, []).append(entry.ordinal)
    return [
        {"series": counter, "first": min(given), "last": max(given)}
        for counter, given in places.items()
    ]
