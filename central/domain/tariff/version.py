"""Effective-dated versions of a tariff: each immutable, known by the hash of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.export import to_hashed_text
from central.domain.tariff.kept_tables import tables_sha256, with_kept_tables
from central.domain.tariff.lookup_rules import TableVersion
from firmware_bridge.contract.errors import OperatorError


class TariffVersionOverlapError(OperatorError):
    """Two versions of a tariff start on the same date."""

    code = "TARIFF_VERSION_OVERLAP"
    default_remedy = "Give one of the versions another date."


class NoTariffVersionError(OperatorError):
    """No version of the tariff is in force on a date."""

    code = "NO_TARIFF_VERSION"
    default_remedy = "Add a version that is in force on that date."


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """One version of a tariff.

    Args:
        tariff: Name that all versions share.
        effective: First local date in force, until the next version.
        document: What it says.
        sha256: Hex digest of the document's canonical text: it is the same for two files that
            say the same in another order of keys, spacing or comments.
        tables_sha256: Of what the tables say that are kept outside, "" where it names none.
    """

    tariff: str
    effective: date
    document: TariffDocument
    sha256: str
    tables_sha256: str = ""

    def __hash__(self) -> int:
        """The content's own hash says all; a document is long to walk."""
        return hash(self.sha256)

    @classmethod
    def of(cls, document: TariffDocument) -> TariffVersion:
        """The version that a document makes."""
        text = to_hashed_text(document)
        digest = hashlib.sha256(text.encode()).hexdigest()
        tables = tables_sha256(document)
        return cls(document.tariff, document.effective, document, digest, tables)

    def with_tables(self, versions: Mapping[str, Iterable[TableVersion]]) -> TariffVersion:
        """The version with what the tables say that it names; it keeps the hash of its document.

        Args:
            versions: Of tables by name; a table that is not there says nothing.

        Raises:
            TableMismatchError: It reads a table otherwise than it is kept.
        """
        document = with_kept_tables(self.document, versions)
        return replace(self, document=document, tables_sha256=tables_sha256(document))


def ordered(versions: Iterable[TariffVersion]) -> tuple[TariffVersion, ...]:
    """Versions by date.

    Raises:
        TariffVersionOverlapError: Two start on the same date.
    """
    found = sorted(versions, key=lambda version: version.effective)
    for earlier, later in pairwise(found):
        if earlier.effective == later.effective:
            message = f"Two versions of {later.tariff} start on {later.effective}."
            raise TariffVersionOverlapError(message, value=later.effective)
    return tuple(found)


def version_on(versions: Sequence[TariffVersion], day: date) -> TariffVersion:
    """The version in force on a local date.

    Args:
        versions: As `ordered` gives them.
        day: The date.

    Raises:
        NoTariffVersionError: The first one starts later.
    """
    for version in reversed(versions):
        if version.effective <= day:
            return version
    message = f"No version of the tariff is in force on {day}."
    raise NoTariffVersionError(message, value=day)
