"""Post money to an account's ledger: once, however often it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from central.domain.actor import Actor
from central.domain.billing.ledger import BANKED, ONE_OFF, EntryRefusedError, LedgerEntry
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept
from central.service.billing.find_bill import find_bill
from central.service.billing.money_banks import money_banks
from central.service.ports.billing import BillingStore
from central.service.ports.decisions import DecisionNote
from central.service.ports.ledger import LedgerStore, PostedEntry
from central.service.ports.registry import NotRegisteredError
from firmware_bridge.contract.errors import InvalidValueError

LIST_MAX = 1_000
"""How many entries a list has at most."""


class AccountLedger:
    """The use-cases.

    Args:
        store: Where entries are kept.
        bills: Where bills are kept.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: LedgerStore,
        bills: BillingStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._bills = bills
        self._clock = clock

    async def post(
        self, entry: LedgerEntry, actor: Actor, reason: str, *, keep: bool = True
    ) -> bool:
        """Post an entry.

        Args:
            entry: A payment may name its bill by the legal number, or as ACCOUNT/CYCLE.
            actor: Who posts it.
            reason: Why.
            keep: Whether it is kept; else it is only said what would become of it.

        Returns:
            Whether it is new; False where the same was posted before.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: There is no such account or service point.
            UnknownBillError: There is no bill of that number.
            EntryRefusedError: No tariff of the account has such a bank, or such taxes, in that
                currency, or bills no such fractions of it; or see `LedgerStore.post`.
            EntryDiffersError: The key was used for another entry.
            EntryConsumedError: A bill that is decided has consumed the entry that it is of.
        """
        if not reason.strip():
            message = "An entry needs a reason."
            raise InvalidValueError(message, value=reason)
        if entry.bill:
            entry = replace(entry, bill=str((await find_bill(self._bills, entry.bill)).uid))
        if await self._store.entry(entry.key) is None:
            await self._check_tariffs(entry)
        note = DecisionNote(actor, reason.strip(), self._clock())
        return await self._store.post(entry, note, keep=keep)

    async def _texts(self, account: str, point: str) -> Sequence[str]:
        texts = await self._store.tariffs_of(account, point)
        if texts is None:
            message = f"The registry has no account {account!r}."
            raise NotRegisteredError(message, value=account)
        return texts

    async def _check_tariffs(self, entry: LedgerEntry) -> None:
        texts = await self._texts(entry.account, entry.point)
        documents = [load_kept(text, file=entry.account) for text in texts]
        if entry.kind in BANKED and (entry.bank, entry.currency) not in set(_banks(documents)):
            message = (
                f"No tariff of {entry.account} has a bank of money {entry.bank!r} in"
                f" {entry.currency}."
            )
            remedy = "Name a money bank of the tariff, or add `prepaid` to its settlement."
            raise EntryRefusedError(message, value=entry.bank, remedy=remedy)
        if entry.kind in ONE_OFF and not any(_bills(each, entry) for each in documents):
            message = (
                f"No tariff of {entry.account} bills in {entry.currency} with the taxes"
                f" {', '.join(entry.taxes) or 'none'}."
            )
            remedy = "Name taxes by their ids in the tariff, or none."
            raise EntryRefusedError(message, value=list(entry.taxes), remedy=remedy)
        _check_digits(entry, documents)

    async def show(self, key: str) -> PostedEntry | None:
        """An entry by its sender's key."""
        return await self._store.entry(key)

    async def listed(
        self, account: str | None, after: int = 0, limit: int = LIST_MAX
    ) -> Sequence[PostedEntry]:
        """Entries in the order in which they were posted.

        Raises:
            NotRegisteredError: There is no such account.
        """
        if account is not None:
            await self._texts(account, "")
        return await self._store.entries(account, after, min(limit, LIST_MAX))


def _bills(document: TariffDocument, entry: LedgerEntry) -> bool:
    taxes = {tax.id for tax in document.taxes}
    return document.currency.code == entry.currency and taxes.issuperset(entry.taxes)


def _check_digits(entry: LedgerEntry, documents: Sequence[TariffDocument]) -> None:
    """Refuse fractions of a currency that no tariff of the account bills: they never balance."""
    said = [each.currency for each in documents]
    digits = [each.digits for each in said if each.code == entry.currency]
    if digits and entry.amount != round(entry.amount, max(digits)):
        message = (
            f"{entry.amount} {entry.currency} has more than the {max(digits)} decimals in which"
            f" {entry.account} is billed."
        )
        raise EntryRefusedError(message, value=entry.amount)


def _banks(documents: Sequence[TariffDocument]) -> Iterator[tuple[str, str]]:
    for document in documents:
        for bank in money_banks(document):
            yield bank, document.currency.code
