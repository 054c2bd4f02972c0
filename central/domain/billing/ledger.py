"""The account ledger: money that is posted once, and consumed by one bill.

Entries are never changed. What a sender posts again under its key is the same entry; what is given
back or lapses is an entry of its own that names the one it is of. See
docs/explanation/ledger.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from central.domain.currency import digits_of
from central.domain.rating.inputs.expiry import NEVER
from central.domain.tariff.credit_rules import PREPAID
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

_KEY_MAX = 200
_DIGITS_MAX, _PLACES_MAX = 15, 6


class EntryKind(StrEnum):
    """What an entry is. Stored: never renamed."""

    PAY_IN = "pay_in"
    """Money that the customer pays into the prepaid balance, or a bank of the tariff."""
    GRANT = "grant"
    """Money that the utility gives into a bank or the prepaid balance."""
    PAYMENT = "payment"
    """Money for an issued bill, which it names; or for none yet."""
    REFUND = "refund"
    """What is given back of an entry."""
    EXPIRY = "expiry"
    """What lapses of an entry."""
    CHARGE = "charge"
    """What an account owes once, as for a service order: a line of the bill that consumes it."""
    CREDIT = "credit"
    """What an account is credited once, likewise."""


BANKED = frozenset({EntryKind.PAY_IN, EntryKind.GRANT})
"""A bill takes these into a bank; the rater counts them as grants."""

ONE_OFF = frozenset({EntryKind.CHARGE, EntryKind.CREDIT})
"""A bill takes these as lines of its own, with the taxes that they name."""

TAKEN_BACK = frozenset({EntryKind.REFUND, EntryKind.EXPIRY})
"""These name the entry that they are of."""


class EntryRefusedError(OperatorError):
    """An entry says something that cannot be."""

    code = "ENTRY_REFUSED"
    default_remedy = "Correct the entry and post it again."


class EntryDiffersError(OperatorError):
    """The key of an entry was used for another one."""

    code = "ENTRY_DIFFERS"
    default_remedy = "Give the new entry a key of its own; an entry is never changed."


class EntryConsumedError(OperatorError):
    """An approved or issued bill has consumed the entry."""

    code = "ENTRY_CONSUMED"
    default_remedy = (
        "Name an entry that is open, or take an approved bill back with `bill withdraw`; what an"
        " issued one consumed is open again when it is cancelled (`bill cancel`)."
    )


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """An entry as it is posted.

    Args:
        key: Given by the sender, unique for ever.
        account: Number.
        kind: What it is.
        day: Local day from which it counts.
        currency: ISO 4217 letters.
        amount: Above zero. [currency]
        bank: Of pay-ins and grants: as the tariff names it, or `prepaid`.
        point: Of those: only bills of this service point consume it; "" for any.
        bill: Of a payment: identifier of the issued bill that it pays; "" for none yet.
        of: Of refunds and expiries: key of the entry.
        name: Of charges and credits: as the invoice prints it.
        taxes: Of those: the taxes of the tariff that they bear; none where they bear no tax.
        expires: Of pay-ins and grants: local day from which it pays no bill that begins then or
            later, in place of what its bank says; None where that says it.
    """

    key: str
    account: str
    kind: EntryKind
    day: date
    currency: str
    amount: Decimal
    bank: str = ""
    point: str = ""
    bill: str = ""
    of: str = ""
    name: str = ""
    taxes: tuple[str, ...] = ()
    expires: date | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= _KEY_MAX:
            message = f"The key of an entry has 1 to {_KEY_MAX} characters."
            raise InvalidValueError(message, value=self.key)
        if digits_of(self.currency) is None:
            message = f"{self.currency!r} is not a currency of ISO 4217, such as EUR."
            raise InvalidValueError(message, value=self.currency)
        if not _is_amount(self.amount):
            message = (
                f"{self.amount} is not an amount above zero with up to {_DIGITS_MAX} digits and"
                f" {_PLACES_MAX} places."
            )
            raise InvalidValueError(message, value=self.amount)
        banked, taken_back = self.kind in BANKED, self.kind in TAKEN_BACK
        if bool(self.bank) is not banked:
            message = f"A {self.kind} {'needs a' if banked else 'has no'} bank."
            raise InvalidValueError(message, value=self.bank)
        if bool(self.of) is not taken_back:
            rule = "names the entry that it is of" if taken_back else "is of no other entry"
            message = f"A {self.kind} {rule}."
            raise InvalidValueError(message, value=self.of)
        once = self.kind in ONE_OFF
        if (self.point and not (banked or once)) or (
            self.bill and self.kind is not EntryKind.PAYMENT
        ):
            message = (
                "Only pay-ins, grants, charges and credits name a service point, only payments a"
                " bill."
            )
            raise InvalidValueError(message, value=self.point or self.bill)
        if bool(self.name.strip()) is not once or (self.taxes and not once):
            message = f"A {self.kind} {'needs a name' if once else 'has no name and no tax'}."
            remedy = "Give --name, as the invoice is to print it." if once else "Leave them out."
            raise InvalidValueError(message, value=self.name, remedy=remedy)
        if self.expires is not None and not (banked and self.expires > self.day):
            message = f"A {self.kind} of {self.day} does not expire on {self.expires}."
            remedy = "Only a pay-in or grant expires, on a day behind the one from which it counts."
            raise InvalidValueError(message, value=self.expires, remedy=remedy)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, without what is not said."""
        fields = {
            "key": self.key,
            "account": self.account,
            "kind": self.kind.value,
            "day": self.day.isoformat(),
            "currency": self.currency,
            "amount": format(self.amount, "f"),
        }
        more = {
            "bank": self.bank,
            "point": self.point,
            "bill": self.bill,
            "of": self.of,
            "name": self.name,
            "taxes": list(self.taxes),
            "expires": None if self.expires is None else self.expires.isoformat(),
        }
        return fields | {name: value for name, value in more.items() if value}


def _is_amount(amount: Decimal) -> bool:
    if not amount.is_finite() or amount <= 0:
        return False
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_PLACES_MAX and amount < 10**_DIGITS_MAX


class OpenEntry(NamedTuple):
    """A pay-in, grant, charge or credit that a part of a bill may consume.

    Args:
        id: Its key in the store.
        bank: Into which it goes; "" for a charge or credit.
        day: From which it counts.
        currency: ISO 4217 letters.
        amount: Less what was given back or lapsed. [currency]
        point: Of whose bills alone; "" for any.
        kind: What it is.
        key: Given by the sender.
        name: Of a charge or credit, as the invoice prints it.
        taxes: That it bears.
        expires: Local day from which it pays no bill that begins then or later; `NEVER` where the
            bank says it.
    """

    id: int
    bank: str
    day: date
    currency: str
    amount: Decimal
    point: str = ""
    kind: EntryKind = EntryKind.PAY_IN
    key: str = ""
    name: str = ""
    taxes: tuple[str, ...] = ()
    expires: date = NEVER


class BankMovement(NamedTuple):
    """What a part of a bill did to a bank of money.

        opened + received + earned = applied + refunded + expired + left

    Args:
        bank: As the tariff names it, or `prepaid`.
        opened: What the part before left. [currency]
        received: Entries that it consumed. [currency]
        earned: By exported energy. [currency]
        applied: What it paid of the bill. [currency]
        refunded: What it paid out: at a true-up or at the end. [currency]
        expired: What lapsed. [currency]
        left: What the part behind opens with. [currency]
        lapse_months: After which what has no day of its own lapses, as the tariff says; None for
            never.
    """

    bank: str
    opened: Decimal
    received: Decimal
    earned: Decimal
    applied: Decimal
    refunded: Decimal
    expired: Decimal
    left: Decimal
    lapse_months: int | None = None


DEFAULT_BANK = PREPAID
"""Into which a pay-in goes where nothing else is said."""
