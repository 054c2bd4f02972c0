"""Read tariffs: every revision of every version, and what each says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from central.domain.tariff.diff import Change, diff
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept
from central.domain.tariff.refusal import TariffRefusedError
from central.service.ports.registry import RegistryStore, TariffRevision
from central.service.views.lookup import NotFoundError, require_any


@dataclass(frozen=True, slots=True, eq=False)
class ReadVersion:
    """A revision of a version, read.

    Args:
        revision: As it was recorded.
        document: What it says; None where this release refuses it.
        refused: Why, None where it is not.
    """

    revision: TariffRevision
    document: TariffDocument | None
    refused: TariffRefusedError | None = None

    @property
    def key(self) -> str:
        """What names it among the tariff's: its date and revision, such as `2026-01-01.2`."""
        return version_key(self.revision)


def version_key(revision: TariffRevision) -> str:
    """See `ReadVersion.key`."""
    return f"{revision.record.effective.isoformat()}.{revision.record.revision}"


class ShowTariffs:
    """The use-cases; they only read.

    Args:
        store: Where tariffs are kept.
    """

    def __init__(self, store: RegistryStore) -> None:
        self._store = store

    async def history(self, tariff: str) -> tuple[TariffRevision, ...]:
        """Every revision of every version of a tariff, by date and revision.

        Raises:
            NotFoundError: There is no such tariff.
        """
        async with self._store.transaction() as registry:
            history = await registry.tariff_history(tariff)
        require_any(history, "tariff", tariff, "The list of tariffs shows which there are.")
        return history

    @staticmethod
    def difference(before: ReadVersion, after: ReadVersion) -> tuple[Change, ...]:
        """Where two revisions differ; nothing where one of them cannot be read."""
        if before.document is None or after.document is None:
            return ()
        return diff(before.document, after.document)


def in_force(history: Sequence[TariffRevision]) -> tuple[TariffRevision, ...]:
    """The newest revision of each date, but for those that withdraw it, by date."""
    newest = {revision.record.effective: revision for revision in history}
    return tuple(each for each in newest.values() if not each.record.withdrawn)


def chosen(history: Sequence[TariffRevision], key: str, today: date) -> TariffRevision:
    """The revision of a key; of no key that of today, else the first that is not withdrawn.

    Args:
        history: Of one tariff.
        key: See `ReadVersion.key`; a date alone is its newest revision.
        today: The day.

    Raises:
        NotFoundError: There is none of that key.
    """
    if not key:
        holding = in_force(history) or history[-1:]
        now = [each for each in holding if each.record.effective <= today]
        return now[-1] if now else holding[0]
    for revision in reversed(history):
        if key in {version_key(revision), revision.record.effective.isoformat()}:
            return revision
    message = f"The tariff has no version {key!r}."
    raise NotFoundError(message, value=key)


def read_version(revision: TariffRevision) -> ReadVersion:
    """What a revision says."""
    record = revision.record
    try:
        return ReadVersion(revision, load_kept(record.document, file=record.name))
    except TariffRefusedError as error:
        return ReadVersion(revision, None, error)
