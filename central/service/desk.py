"""What the operator's desk works with: the ports and use-cases behind the API and the pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from central.service.billing_views import LineExplanation
from central.service.ports.idempotency import AnswerStore
from central.service.ports.overview import BillingOverview, FieldOverview


class ExplainLine(Protocol):
    """The use-case that shows the intervals behind a bill line."""

    async def __call__(self, bill: str, line: int) -> LineExplanation:
        """The intervals, summed exactly.

        Raises:
            NotFoundError: There is no such bill or line.
        """
        ...


class PrintInvoice(Protocol):
    """The use-case that makes a bill's document."""

    async def __call__(self, bill: str) -> bytes:
        """The invoice as PDF.

        Raises:
            NotFoundError: There is no such bill, or it could not be rated.
        """
        ...


class Ping(Protocol):
    """Whether the store answers."""

    async def __call__(self) -> None:
        """Ask the store for nothing.

        Raises:
            EnvironmentFaultError: It does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the API and the pages call.

    Args:
        field: Reads of the field.
        billing: Reads of billing.
        answers: Answers given to requests with an idempotency key.
        explain_line: The intervals behind a bill line.
        print_invoice: A bill's document.
        ping: Whether the store answers.
        clock: The present, aware.
    """

    field: FieldOverview
    billing: BillingOverview
    answers: AnswerStore
    explain_line: ExplainLine
    print_invoice: PrintInvoice
    ping: Ping
    clock: Callable[[], datetime]
