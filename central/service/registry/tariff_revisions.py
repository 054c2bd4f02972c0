"""Versions of tariffs: added, corrected and withdrawn, each as a revision that stays readable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from central.domain.tariff.bank_units import unlike_banks
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import TariffRefusedError
from central.domain.tariff.version import TariffVersion
from central.service.ports.registry import (
    NotRegisteredError,
    RegistryConflictError,
    RegistryTransaction,
    TariffRecord,
)
from firmware_bridge.contract.errors import InvalidValueError


async def next_revision(
    registry: RegistryTransaction, document: str, file: str, reason: str | None
) -> tuple[TariffRecord, TariffRecord | None]:
    """What a document adds to a tariff.

    Args:
        registry: The transaction.
        document: The text.
        file: Its name, for faults.
        reason: Why it corrects the version of its date, if there is one.

    Returns:
        The revision, and the newest before it of the same date; the same twice where the document
        says what is in force.

    Raises:
        TariffRefusedError: The document is refused; it says every reason.
        RegistryConflictError: There is another version of that date, and no reason; or a bank of
            it holds something else in the version before or after.
    """
    version = TariffVersion.of(load_tariff(document, file=file))
    newest = await _newest(registry, version.tariff, version.effective)
    record = TariffRecord(
        version.tariff,
        version.effective,
        document,
        version.sha256,
        version.document.currency.code,
    )
    if newest is not None and newest.sha256 == record.sha256 and not newest.withdrawn:
        return newest, newest
    await _require_like_banks(registry, record, version.document)
    if newest is None:
        return record, None
    if reason is None:
        raise _conflict(newest, record)
    need_reason(reason)
    return replace(record, revision=newest.revision + 1), newest


async def withdrawal(
    registry: RegistryTransaction, tariff: str, effective: date, reason: str
) -> TariffRecord:
    """The revision that withdraws a version entered by mistake.

    Raises:
        InvalidValueError: No reason is given.
        NotRegisteredError: Nothing of that date is in force.
        RegistryConflictError: A bank holds something else in the versions that would then adjoin.
    """
    need_reason(reason)
    newest = await _newest(registry, tariff, effective)
    if newest is None or newest.withdrawn:
        message = f"The tariff {tariff} has no version from {effective}."
        remedy = f"`meterline-central tariff list {tariff}` shows what there is."
        raise NotRegisteredError(message, value=effective, remedy=remedy)
    await _require_like_banks(registry, newest)
    return replace(newest, revision=newest.revision + 1, withdrawn=True)


async def reach(registry: RegistryTransaction, record: TariffRecord) -> date | None:
    """Until when a version holds: the date of the next one; None where there is none."""
    versions: Sequence[TariffRecord] = await registry.tariff_versions(record.name)
    later = (other.effective for other in versions if other.effective > record.effective)
    return min(later, default=None)


def need_reason(reason: str) -> None:
    """Refuse an empty reason.

    Raises:
        InvalidValueError: It is.
    """
    if not reason.strip():
        message = "A correction needs a reason, such as 'price per kWh mistyped'."
        raise InvalidValueError(message, value=reason)


async def _require_like_banks(
    registry: RegistryTransaction, record: TariffRecord, document: TariffDocument | None = None
) -> None:
    """Refuse a version of which a bank holds something else than in those before and after it.

    Args:
        registry: The transaction.
        record: Of the version.
        document: What it says; None where it is withdrawn, and its neighbours then adjoin.
    """
    others = await registry.tariff_versions(record.name)
    earlier = [other for other in others if other.effective < record.effective][-1:]
    later = [other for other in others if other.effective > record.effective][:1]
    path = [*map(_document, earlier), document, *map(_document, later)]
    for before, after in pairwise(version for version in path if version is not None):
        for bank in unlike_banks(before, after):
            message = (
                f"The bank {bank.name!r} of {record.name} holds {bank.before} in the version from"
                f" {before.effective}, but {bank.after} in the one from {after.effective}."
            )
            remedy = (
                "Give one of them another name: what is left is then settled on a line, by the"
                " version that had it."
            )
            raise RegistryConflictError(message, value=bank.name, remedy=remedy)


def _document(record: TariffRecord) -> TariffDocument | None:
    """What a version says; None where this release refuses it, which holds its own bills."""
    try:
        return load_kept(record.document, file=record.name)
    except TariffRefusedError:
        return None


async def _newest(
    registry: RegistryTransaction, tariff: str, effective: date
) -> TariffRecord | None:
    history = await registry.tariff_history(tariff)
    of_date = [entry.record for entry in history if entry.record.effective == effective]
    return of_date[-1] if of_date else None


def _conflict(newest: TariffRecord, record: TariffRecord) -> RegistryConflictError:
    if newest.withdrawn:
        message = f"The version of {record.name} from {record.effective} was withdrawn."
    else:
        message = f"{record.name} already has another version from {record.effective}."
    remedy = "Correct it with `--correct` and a reason, or give the new one another date."
    return RegistryConflictError(message, value=record.sha256, remedy=remedy)
