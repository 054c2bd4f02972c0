"""What a bill's document is made of, what makes it, and how that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from central.domain.billing.bill import Bill
from central.domain.billing.bill_comparison import BillComparison
from central.domain.billing.document_template import DocumentTemplate
from central.domain.billing.issue import IssueFacts
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.daily_usage import DailyUsage, daily_usage
from central.domain.tariff.document import TariffDocument
from central.service.billing.lineage import block_versions
from central.service.ports.billing import BillingStore
from firmware_bridge.contract.errors import MeterlineError, OperatorError


class UnprintableTextError(OperatorError):
    """A text on the document has characters that none of its fonts has."""

    code = "UNPRINTABLE_TEXT"
    default_remedy = "Correct the text, or the name, and run the cycle again."


class NotIssuedError(OperatorError):
    """The bill is not issued, so nothing may be shown or sent as its invoice."""

    code = "BILL_NOT_ISSUED"
    default_remedy = "Issue it first."


class IssuedError(OperatorError):
    """The bill is issued, so it is no draft."""

    code = "BILL_ISSUED"
    default_remedy = "Ask for its document instead."


class DocumentError(MeterlineError):
    """The document of a bill cannot be made."""

    code = "DOCUMENT_NOT_MADE"


class AttachedFile(NamedTuple):
    """A file inside of the document, such as the invoice as XML.

    Args:
        name: Of the file.
        text: Its content.
        media_type: Of the content.
        description: What it is.
        relationship: To the page: `alternative`, `data`, `source` or `supplement`.
    """

    name: str
    text: str
    media_type: str = "text/xml"
    description: str = ""
    relationship: str = "alternative"


class PrintedCode(NamedTuple):
    """A QR code on the first page.

    Args:
        caption: Printed below it.
        content: What a phone reads.
    """

    caption: str
    content: str


@dataclass(frozen=True, slots=True)
class PrintedBeside:
    """What a document says beside its bill; all of it is kept and never changes.

    Args:
        tariffs: The versions that the bill's lines name, by hash.
        last_period: The bill beside the one of the period before; None where there is none.
        last_year: The bill beside the one of the same days a year before.
        attached: Files inside of the document.
        codes: That the law or the payment asks for, beside the seller's payment code.
    """

    tariffs: Mapping[str, TariffDocument] = field(default_factory=dict)
    last_period: BillComparison | None = None
    last_year: BillComparison | None = None
    attached: tuple[AttachedFile, ...] = ()
    codes: tuple[PrintedCode, ...] = ()


class Renderer(Protocol):
    """What turns a bill into a file."""

    def __call__(  # noqa: PLR0913 - what a document is made of
        self,
        bill: Bill,
        *,
        usage: Sequence[DailyUsage],
        template: DocumentTemplate,
        issue: IssueFacts | None = None,
        sha256: str | None = None,
        beside: PrintedBeside | None = None,
    ) -> bytes:
        """The file's bytes, the same for the same bill.

        Args:
            bill: What to print.
            usage: Daily usage to chart.
            template: What it is typeset from.
            issue: What the bill was given; None prints a draft.
            sha256: Of what the bill says, as it is printed; None takes the bill's own.
            beside: What it says beside the bill; None for nothing.

        Raises:
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """


async def daily_usage_of(store: BillingStore, bill: Bill) -> tuple[DailyUsage, ...]:
    """The daily usage behind a bill, from the very block versions that it names."""
    parts = list(_shown(bill))
    wanted = block_versions(part for *_, determinants in parts for part in determinants)
    blocks = list((await store.blocks(wanted)).values())
    several = len(parts) > 1
    return tuple(
        replace(_usage_of(determinants, name, blocks), service_point=point if several else "")
        for point, name, determinants in parts
    )


def _shown(bill: Bill) -> Iterator[tuple[str, str, tuple[Determinant, ...]]]:
    """Per service point the summed determinant that splits its use the most."""
    for point in dict.fromkeys(entry.service_point for entry in bill.lines):
        names: dict[str, dict[str, Determinant]] = {}
        for entry in bill.lines:
            for part in entry.line.determinants if entry.service_point == point else ():
                if part.how == "sum" and part.sources:
                    names.setdefault(part.name, {})[part.key] = part
        if names:
            name = max(names, key=lambda one: len({part.label for part in names[one].values()}))
            yield point, name, tuple(names[name].values())


def _usage_of(
    determinants: Sequence[Determinant], name: str, blocks: Sequence[DayBlock]
) -> DailyUsage:
    series = {source.series for part in determinants for source in part.sources}
    return daily_usage(determinants, name, dict.fromkeys(series, blocks))
