"""Make a bill's document, with the daily use behind it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from central.domain.billing.bill import Bill, RunType
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.daily_usage import DailyUsage, daily_usage
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.service.billing.lineage import block_versions, find_bill
from central.service.ports.billing import BillingStore, BillRecord
from central.service.views.lookup import require
from firmware_bridge.contract.errors import MeterlineError, OperatorError
from firmware_bridge.contract.interval import zone_info

DUE_AFTER = timedelta(days=14)
# Anything else may mean another file where letters have no case, or not be a name at all.
_PLAIN = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,79}")
_DOUBTFUL = re.compile(r"[^A-Za-z0-9_-]")
_READABLE = 60
_DIGEST = 12


class UnprintableTextError(OperatorError):
    """A text on the document has characters that none of its fonts has."""

    code = "UNPRINTABLE_TEXT"


class DocumentError(MeterlineError):
    """The document of a bill cannot be made."""

    code = "DOCUMENT_NOT_MADE"


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What a bill is given when it is issued.

    Args:
        number: Legal number.
        issued: Local date of issue.
        due: Local date of payment.
    """

    number: str
    issued: date
    due: date


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
        due_after: From issue to payment.
    """

    def __init__(
        self, store: BillingStore, render: Renderer, due_after: timedelta = DUE_AFTER
    ) -> None:
        self._store = store
        self._render = render
        self._due_after = due_after

    async def __call__(self, bill: str) -> bytes:
        """A bill's document; see `file`."""
        return (await self.file(bill)).content

    async def file(self, bill: str) -> BillFile:
        """A bill's document, and the name of its file.

        Args:
            bill: The bill's identifier.

        Raises:
            NotFoundError: There is no such bill.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        record = require(await find_bill(self._store, bill), "bill", bill)
        one = record.bill
        usage = await self._usage(one)
        content = self._render(one, usage=usage, issue=self._issue(record))
        return BillFile(file_name(one.account, one.period, one.run_type, one.revision), content)

    async def _usage(self, bill: Bill) -> tuple[DailyUsage, ...]:
        parts = list(_shown(bill))
        wanted = block_versions(part for _, determinants in parts for part in determinants)
        blocks = list((await self._store.blocks(wanted)).values())
        return tuple(_usage_of(determinants, name, blocks) for name, determinants in parts)

    def _issue(self, record: BillRecord) -> IssueFacts | None:
        if record.issued_at is None or record.number is None:
            return None
        zone = record.bill.supplies[0].zone
        issued = record.issued_at.astimezone(zone_info(zone)).date()
        return IssueFacts(record.number, issued, issued + self._due_after)


def file_name(
    account: str, cycle: BillingPeriod | str, run_type: RunType = RunType.REGULAR, revision: int = 0
) -> str:
    """The name of a bill's file: its own on every machine, however letters are told apart there.

    Args:
        account: Number.
        cycle: Its period, or the name of it.
        run_type: Why the bill was made.
        revision: Of the bill.
    """
    name = account
    if not _PLAIN.fullmatch(account):
        digest = hashlib.sha256(account.encode()).hexdigest()[:_DIGEST]
        name = f"{_DOUBTFUL.sub('_', account)[:_READABLE].lstrip('-')}~{digest}"
    kind = "" if run_type is RunType.REGULAR else f"-{run_type}"
    return f"{name}-{cycle}{kind}{f'-r{revision}' if revision else ''}.pdf"


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
