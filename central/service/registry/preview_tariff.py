"""What publishing a tariff's document would do; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from central.domain.tariff.diff import Change, diff
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import TariffRefusedError
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.registry import RegistryStore, TariffRecord
from central.service.ports.stamps import InputKind
from central.service.registry.tariff_revisions import next_revision, reach

_PREVIEW = "preview"


@dataclass(frozen=True, slots=True, eq=False)
class TariffPreview:
    """What a document would do.

    Args:
        document: What it says.
        record: The revision that it would be.
        corrects: The revision of the same date that it would correct, or that it repeats; None
            where it adds a version.
        compared: First day of the version that `changes` compares with; None where it is the first.
        changes: Where it differs from that version.
        concerned: Issued bills of which it reaches into days.
        end: First day of the version after it; None where it is the last.
    """

    document: TariffDocument
    record: TariffRecord
    corrects: TariffRecord | None
    compared: date | None
    changes: tuple[Change, ...]
    concerned: ConcernedBills
    end: date | None

    @property
    def is_same(self) -> bool:
        """Whether the version that is in force says just this."""
        return self.record == self.corrects


async def preview_tariff(store: RegistryStore, text: str) -> TariffPreview:
    """See what a document would do.

    Args:
        store: Where tariffs are kept.
        text: The document.

    Raises:
        TariffRefusedError: The document is refused; it says every reason.
        RegistryConflictError: A bank of it holds something else in the version before or after.
    """
    document = load_tariff(text, file="tariff")
    async with store.transaction() as registry:
        record, corrects = await next_revision(registry, text, "tariff", _PREVIEW)
        versions = await registry.tariff_versions(record.name)
        end = await reach(registry, record)
        concerned = ConcernedBills()
        if record != corrects:
            concerned = await registry.concerned(
                InputKind.TARIFF, record.name, record.effective, end
            )
    earlier = [each for each in versions if each.effective <= record.effective]
    before = _said(earlier[-1]) if earlier else None
    return TariffPreview(
        document,
        record,
        corrects,
        earlier[-1].effective if earlier else None,
        () if before is None else diff(before, document),
        concerned,
        end,
    )


def _said(record: TariffRecord) -> TariffDocument | None:
    """What a version says; None where this release refuses it."""
    try:
        return load_kept(record.document, file=record.name)
    except TariffRefusedError:
        return None
