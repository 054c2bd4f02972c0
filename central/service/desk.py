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


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the API and the pages call.

    Args:
        field: Reads of the field.
        billing: Reads of billing.
        answers: Answers given to requests with an idempotency key.
        explain_line: The intervals behind a bill line.
        print_invoice: A bill's document.
        clock: The present, aware.
    """

    field: FieldOverview
    billing: BillingOverview
    answers: AnswerStore
    explain_line: ExplainLine
    print_invoice: PrintInvoice
    clock: Callable[[], datetime]
