"""Make a bill's document, with the daily use behind it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from central.domain.billing.bill import Bill, RunType
from central.domain.billing.issue import IssueFacts
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.daily_usage import DailyUsage, daily_usage
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.service.billing.lineage import block_versions, find_bill
from central.service.ports.billing import BillingStore, BillRecord
from central.service.views.lookup import require
from firmware_bridge.contract.errors import MeterlineError, OperatorError

# Anything else may mean another file where letters have no case, or not be a name at all.
_PLAIN = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,79}")
_DOUBTFUL = re.compile(r"[^A-Za-z0-9_-]")
_READABLE = 60
_DIGEST = 12


class UnprintableTextError(OperatorError):
    """A text on the document has characters that none of its fonts has."""

    code = "UNPRINTABLE_TEXT"


class NotIssuedError(OperatorError):
    """The bill is not issued, so nothing may be shown or sent as its invoice."""

    code = "BILL_NOT_ISSUED"


class IssuedError(OperatorError):
    """The bill is issued, so it is no draft."""

    code = "BILL_ISSUED"


class DocumentError(MeterlineError):
    """The document of a bill cannot be made."""

    code = "DOCUMENT_NOT_MADE"


class BillFile(NamedTuple):
    """A bill's document.

    Args:
        name: Of its file, its own.
        content: Its bytes.
    """

    name: str
    content: bytes


class Renderer(Protocol):
    """What turns a bill into a file."""

    def __call__(
        self, bill: Bill, *, usage: Sequence[DailyUsage], issue: IssueFacts | None
    ) -> bytes:
        """The file's bytes, the same for the same bill.

        Raises:
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """


class PrintBill:
    """The use-case.

    Args:
        store: Where bills and blocks are kept.
        render: What makes the document.
    """

    def __init__(self, store: BillingStore, render: Renderer) -> None:
        self._store = store
        self._render = render

    async def invoice(self, bill: str) -> BillFile:
        """The invoice of an issued bill.

        Args:
            bill: The bill's identifier.

        Raises:
            NotFoundError: There is no such bill.
            NotIssuedError: It is not issued; nothing else is an invoice.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        record = require(await find_bill(self._store, bill), "bill", bill)
        if record.issue is None:
            message = f"The bill {bill} is not issued, so there is no invoice."
            raise NotIssuedError(message, value=bill, remedy="Issue it, or print it as a draft.")
        return await self._file(record)

    async def draft(self, bill: str) -> BillFile:
        """A bill that is not issued, marked as a draft on every page.

        Args:
            bill: The bill's identifier.

        Raises:
            NotFoundError: There is no such bill.
            IssuedError: It is issued.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        record = require(await find_bill(self._store, bill), "bill", bill)
        if record.issue is not None:
            message = f"The bill {bill} is issued as {record.issue.number} and no draft any more."
            raise IssuedError(message, value=bill, remedy="Print its invoice.")
        return await self._file(record)

    async def file(self, bill: str) -> BillFile:
        """The invoice of an issued bill; of another its draft, in a file that says so.

        Args:
            bill: The bill's identifier.

        Raises:
            NotFoundError: There is no such bill.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        return await self._file(require(await find_bill(self._store, bill), "bill", bill))

    async def _file(self, record: BillRecord) -> BillFile:
        one = record.bill
        content = self._render(one, usage=await self._usage(one), issue=record.issue)
        name = file_name(
            one.account, one.period, one.run_type, one.revision, draft=record.issue is None
        )
        return BillFile(name, content)

    async def _usage(self, bill: Bill) -> tuple[DailyUsage, ...]:
        parts = list(_shown(bill))
        wanted = block_versions(part for _, determinants in parts for part in determinants)
        blocks = list((await self._store.blocks(wanted)).values())
        return tuple(_usage_of(determinants, name, blocks) for name, determinants in parts)


def file_name(
    account: str,
    cycle: BillingPeriod | str,
    run_type: RunType = RunType.REGULAR,
    revision: int = 0,
    *,
    draft: bool = False,
) -> str:
    """The name of a bill's file: its own on every machine, however letters are told apart there.

    Args:
        account: Number.
        cycle: Its period, or the name of it.
        run_type: Why the bill was made.
        revision: Of the bill.
        draft: Whether it is no invoice.
    """
    name = account
    if not _PLAIN.fullmatch(account):
        digest = hashlib.sha256(account.encode()).hexdigest()[:_DIGEST]
        name = f"{_DOUBTFUL.sub('_', account)[:_READABLE].lstrip('-')}~{digest}"
    kind = "" if run_type is RunType.REGULAR else f"-{run_type}"
    return f"{name}-{cycle}{kind}{f'-r{revision}' if revision else ''}{'-draft' * draft}.pdf"


def _shown(bill: Bill) -> Iterator[tuple[str, tuple[Determinant, ...]]]:
    """Per service point the summed determinant that splits its use the most."""
    for point in dict.fromkeys(entry.service_point for entry in bill.lines):
        names: dict[str, dict[str, Determinant]] = {}
        for entry in bill.lines:
            for part in entry.line.determinants if entry.service_point == point else ():
                if part.how == "sum" and part.sources:
                    names.setdefault(part.name, {})[part.key] = part
        if names:
            name = max(names, key=lambda one: len({part.label for part in names[one].values()}))
            yield name, tuple(names[name].values())


def _usage_of(
    determinants: Sequence[Determinant], name: str, blocks: Sequence[DayBlock]
) -> DailyUsage:
    series = {source.series for part in determinants for source in part.sources}
    return daily_usage(determinants, name, dict.fromkeys(series, blocks))
