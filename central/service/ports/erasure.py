"""What erasing an account's personal values needs of a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from central.domain.billing.bill import Party
from firmware_bridge.contract.errors import OperatorError

ERASED = Party("erased")
"""The party of an account that was erased."""


class AccountErasedError(OperatorError):
    """The personal values of an account were erased, and stay so."""

    code = "ACCOUNT_ERASED"
    default_remedy = "Give a customer who comes back another account."


class AccountInUseError(OperatorError):
    """An account is still billed, so that its name and address are needed."""

    code = "ACCOUNT_IN_USE"
    default_remedy = "End its agreements, and bill what is left, first."


class RetainedError(OperatorError):
    """Issued bills of an account are kept by law for some more time."""

    code = "RETAINED"
    default_remedy = "Erase it after that day."


@dataclass(frozen=True, slots=True)
class RetainedAccount:
    """What still needs the personal values of an account.

    Args:
        erased_at: When they were erased; None where they were not.
        agreed_to: The day after its last agreement; None where it never had one.
        open_bills: How many drafts, held and approved bills it has.
        not_billed: Whether days of it are not billed.
        to_settle: Whether something may be left to settle: no run has found that nothing is.
        issued: How many issued bills it has.
        issued_on: The day of its last issued bill; None where there is none.
        on_hold: Whether a legal hold keeps what belongs to it.
    """

    erased_at: datetime | None
    agreed_to: date | None
    open_bills: int
    not_billed: bool
    to_settle: bool
    issued: int
    issued_on: date | None
    on_hold: bool = False


class ErasureTransaction(Protocol):
    """Erasing in one transaction."""

    async def retained(self, number: str) -> RetainedAccount | None:
        """What still needs the personal values of an account; None where there is none."""

    async def erase_account(self, number: str, at: datetime) -> None:
        """Erase the personal values of an account: in the registry, its revisions and the log."""
