"""What an entry of the ledger is checked against before it is kept."""

from __future__ import annotations

from central.domain.billing.ledger import (
    EntryConsumedError,
    EntryDiffersError,
    EntryRefusedError,
    LedgerEntry,
)
from central.service.ports.ledger import PostedEntry

_DECIDED = frozenset({"approved", "issued"})


def check_same(there: PostedEntry | None, entry: LedgerEntry) -> None:
    """Check that the entry that has a key says the same as another one under it.

    Raises:
        EntryDiffersError: It does not.
    """
    if there is None or there.entry != entry:
        message = f"The key {entry.key!r} was used for another entry."
        raise EntryDiffersError(message, value=entry.key)


def check_taken_back(entry: LedgerEntry, other: PostedEntry | None) -> None:
    """Check what is given back or lapses against the entry that it is of.

    Raises:
        EntryRefusedError: There is none, of this account and currency, with so much left.
        EntryConsumedError: An approved or issued bill has consumed it.
    """
    if (
        other is None
        or other.entry.of
        or (other.entry.account, other.entry.currency) != (entry.account, entry.currency)
    ):
        message = f"{entry.account} has no entry {entry.of!r} in {entry.currency} to take back."
        raise EntryRefusedError(message, value=entry.of)
    if other.state in _DECIDED:
        message = f"The entry {entry.of!r} is consumed by a bill that is {other.state}."
        raise EntryConsumedError(message, value=entry.of)
    if entry.amount > other.left:
        message = f"The entry {entry.of!r} has {other.left:f} {entry.currency} left."
        raise EntryRefusedError(message, value=entry.amount)


def check_payment(
    entry: LedgerEntry, *, of_account: bool, state: str | None, currency: str | None
) -> None:
    """Check a payment against the bill that it names.

    Args:
        entry: The payment.
        of_account: Whether the bill is there, and of the entry's account.
        state: Of the bill.
        currency: Of the bill.

    Raises:
        EntryRefusedError: It is not there, or another account's, not issued or in another currency.
    """
    if not of_account or state != "issued" or currency != entry.currency:
        message = f"{entry.account} has no issued bill {entry.bill} in {entry.currency}."
        remedy = "Name the identifier of an issued bill, or none."
        raise EntryRefusedError(message, value=entry.bill, remedy=remedy)
