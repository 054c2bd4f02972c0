"""Do something about exceptions: one, or a chosen set, kept or as a preview that is rolled back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from central.service.ports.bill_releases import BillReleaseStore
from central.service.ports.billing import BillingStore
from central.service.ports.decisions import DecisionStore
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import (
    ExceptionKey,
    ExceptionKind,
    ExceptionStore,
    NoSuchExceptionError,
)
from central.service.ports.field_orders import FieldOrderStore
from central.service.ports.revalidation import RevalidationStore
from central.service.ports.usage_events import UsageEventStore
from central.service.ports.validation import ValidationStore
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

BULK_MOST = 500
"""How many exceptions one decision may be about: they are settled in one transaction."""


_OF_BILLS = frozenset({ExceptionKind.BILL, ExceptionKind.CANDIDATE})


class NotForThisKindError(OperatorError):
    """The action is not one for exceptions of this kind."""

    code = "NOT_FOR_THIS_KIND"
    default_remedy = "`exceptions show` names what can be done about it."


@dataclass(frozen=True, slots=True)
class ActionStores:
    """What actions work on, all in one transaction.

    Args:
        exceptions: The queue.
        reports: Conflicts, and findings of ingest.
        judgements: Findings of validation.
        releases: Held bills.
        bills: Bills, to be rated again.
        revalidation: Days to be validated again.
        orders: Readings that are ordered on site.
        events: Usage events and their subjects.
    """

    exceptions: ExceptionStore
    reports: DecisionStore
    judgements: ValidationStore
    releases: BillReleaseStore
    bills: BillingStore
    revalidation: RevalidationStore
    orders: FieldOrderStore
    events: UsageEventStore


class ActionWork(Protocol):
    """A transaction in which actions are done."""

    stores: ActionStores

    def step(self) -> AbstractAsyncContextManager[None]:
        """A part that is undone by itself where it fails."""


class ActionTransactions(Protocol):
    """Where actions are done."""

    def begin(self, *, keep: bool) -> AbstractAsyncContextManager[ActionWork]:
        """One transaction for a decision.

        Args:
            keep: Whether what is done in it stays; else all of it is rolled back at the end.
        """


Action = Callable[[ActionStores, ExceptionKey, ActionNote], Awaitable[str]]
"""Does something about an exception, and says what in a few words."""


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """What an action did, or would do.

    Args:
        key: About which exception.
        done: What, in a few words; "" where it was refused.
        closed: Whether the exception waits no longer.
        code: Why it was refused; None where it was not.
        message: The same as a sentence.
        remedy: What to do about it.
    """

    key: ExceptionKey
    done: str
    closed: bool = False
    code: str | None = None
    message: str | None = None
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        named = {"exception": str(self.key)}
        if self.code is None:
            return {**named, "done": self.done, "closed": self.closed}
        return {**named, "code": self.code, "message": self.message, "remedy": self.remedy}


def outcomes_json(outcomes: Sequence[ActionOutcome], *, keep: bool) -> dict[str, Any]:
    """What a decision did, as a JSON object.

    Args:
        outcomes: By exception.
        keep: Whether it stays; False of a preview.
    """
    return {
        "preview": not keep,
        "done": [outcome.to_json() for outcome in outcomes if outcome.code is None],
        "failed": [outcome.to_json() for outcome in outcomes if outcome.code is not None],
    }


async def act(
    transactions: ActionTransactions,
    keys: Sequence[ExceptionKey],
    action: Action,
    answer: ActionNote,
    *,
    keep: bool = True,
) -> list[ActionOutcome]:
    """Do one thing about some exceptions, in one transaction.

    What is refused of one leaves the others. A preview is the decision itself, rolled back.

    Args:
        transactions: Where.
        keys: Which, each once.
        action: What.
        answer: Who, why and when.
        keep: Whether it stays; False for a preview.

    Raises:
        NoSuchExceptionError: There are none, or too many at once.
    """
    # Inputs, then bills: the order in which every writer locks them.
    chosen = sorted(dict.fromkeys(keys), key=lambda key: key.kind in _OF_BILLS)
    if not 0 < len(chosen) <= BULK_MOST:
        message = f"A decision is about 1 to {BULK_MOST} exceptions, not {len(chosen)}."
        raise NoSuchExceptionError(message, value=len(chosen), remedy="Choose fewer at once.")
    outcomes: list[ActionOutcome] = []
    async with transactions.begin(keep=keep) as work:
        exceptions = work.stores.exceptions
        waited = {key for key in chosen if await exceptions.one(key) is not None}
        for key in chosen:
            try:
                async with work.step():
                    if await exceptions.one(key) is None:
                        if key in waited:
                            outcomes.append(ActionOutcome(key, "settled with the others", True))
                            continue
                        message = f"The exception {key} does not wait, or no longer."
                        raise NoSuchExceptionError(message, value=str(key))
                    done = await action(work.stores, key, answer)
                    closed = await exceptions.one(key) is None
                    outcomes.append(ActionOutcome(key, done, closed))
            except (OperatorError, InvalidValueError) as error:
                why = error.code, error.message, error.remedy
                outcomes.append(ActionOutcome(key, "", False, *why))
    return outcomes


def require_kind(key: ExceptionKey, *kinds: ExceptionKind) -> None:
    """Refuse an exception that an action is not for.

    Raises:
        NotForThisKindError: It is of another kind.
    """
    if key.kind not in kinds:
        names = " or ".join(kind.value for kind in kinds)
        message = f"{key} is a {key.kind.value}; this can be done about a {names}."
        raise NotForThisKindError(message, value=str(key))
