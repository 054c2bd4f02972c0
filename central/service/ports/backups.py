"""What backups are, and what is asked of whatever makes and restores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

from central.domain.actor import Actor
from firmware_bridge.contract.errors import (
    ConfigurationError,
    EnvironmentFaultError,
    OperatorError,
)

FORM = 1


class BackupFailedError(EnvironmentFaultError):
    """A program of PostgreSQL failed."""

    code = "BACKUP_FAILED"
    default_remedy = "See what the program says, mend it, and run the command again."


class ProgramMissingError(ConfigurationError):
    """A program of PostgreSQL is not installed."""

    code = "PROGRAM_MISSING"
    default_remedy = "Install PostgreSQL's client programs, or name their folder with --programs."


class BackupUnreadableError(OperatorError):
    """A file is no backup, or not the one that its manifest describes."""

    code = "BACKUP_UNREADABLE"
    default_remedy = "Take another backup; this one cannot be trusted."


class RestoreNotEmptyError(OperatorError):
    """The database to restore into has tables of Meterline."""

    code = "RESTORE_NOT_EMPTY"
    default_remedy = "Create an empty database, and name it in METERLINE_OWNER_DATABASE."


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a database says in one moment, so that it can be compared with its restored self.

    Args:
        taken_at: When.
        schema: Version of the schema.
        flavour: Of the schema: plain, hypertable or columnstore.
        timescaledb: Version of TimescaleDB; None on plain PostgreSQL.
        rows: Of each table, by name.
        hashes: SHA-256 in hex over what is chained or final, by name.
        sha256: Of the file that was written, in hex; empty where there is none.
        file: Its name.
    """

    taken_at: datetime
    schema: int
    flavour: str
    timescaledb: str | None
    rows: Mapping[str, int]
    hashes: Mapping[str, str]
    sha256: str = ""
    file: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "form": FORM,
            "file": self.file,
            "sha256": self.sha256,
            "taken_at": self.taken_at.isoformat(),
            "schema": self.schema,
            "flavour": self.flavour,
            "timescaledb": self.timescaledb,
            "rows": dict(self.rows),
            "hashes": dict(self.hashes),
        }

    @classmethod
    def of_json(cls, given: Any) -> Self:  # noqa: ANN401 - as it was read
        """Of a JSON object.

        Raises:
            BackupUnreadableError: It is none of this form.
        """
        try:
            if given["form"] != FORM:
                message = f"The manifest has form {given['form']}; this release reads {FORM}."
                raise BackupUnreadableError(message, value=given["form"])
            return cls(
                taken_at=datetime.fromisoformat(given["taken_at"]),
                schema=int(given["schema"]),
                flavour=str(given["flavour"]),
                timescaledb=given["timescaledb"],
                rows={str(name): int(count) for name, count in given["rows"].items()},
                hashes={str(name): str(text) for name, text in given["hashes"].items()},
                sha256=str(given["sha256"]),
                file=str(given["file"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = "The file is no manifest of a backup."
            raise BackupUnreadableError(message) from error

    def differences(self, other: Manifest) -> list[str]:
        """Where another says something else, in sentences; none where both say the same."""
        sentences = []
        if self.schema != other.schema:
            sentences.append(f"The schema has version {other.schema} instead of {self.schema}.")
        for name in sorted({*self.rows, *other.rows}):
            before, after = self.rows.get(name, 0), other.rows.get(name, 0)
            if before != after:
                sentences.append(f"{name} has {after:,} rows instead of {before:,}.")
        return sentences + [
            f"The {name} say something else than in the backup."
            for name in sorted({*self.hashes, *other.hashes})
            if self.hashes.get(name) != other.hashes.get(name)
        ]


class BackupStore(Protocol):
    """Makes and restores backups of one database, as its owner."""

    async def dump(self, file: Path, now: datetime) -> Manifest:
        """Write a dump of one moment into a file, and say what it holds.

        Raises:
            BackupFailedError: It could not be written.
            ProgramMissingError: There is nothing to write it with.
            StoreUnfitError: The database has no schema of ours.
        """
        ...

    async def copy(self, folder: Path, now: datetime) -> Manifest:
        """Copy the whole server with the log that makes the copy whole, and verify it.

        What the manifest says was read when the copy was whole; it may say more than a copy of a
        server at work has.

        Raises:
            BackupFailedError: It could not be copied, such as without the right to.
            ProgramMissingError: There is nothing to copy it with.
            StoreUnfitError: The database has no schema of ours.
        """
        ...

    async def load(self, file: Path, manifest: Manifest) -> None:
        """Fill the database, which is empty, from a dump.

        Raises:
            RestoreNotEmptyError: It is not empty; nothing was changed.
            BackupFailedError: It could not be filled; it is of no use now.
            ProgramMissingError: There is nothing to read the dump with.
        """
        ...

    async def manifest(self, now: datetime) -> Manifest:
        """What the database says now.

        Raises:
            StoreUnfitError: The database has no schema of ours.
        """
        ...

    async def close_doors(self, now: datetime) -> Mapping[str, int]:
        """End what a backup opens again: codes that nobody has used, and sign-ins.

        Returns:
            How many of each.
        """

    async def note(
        self, now: datetime, actor: Actor, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """Write a row of the audit log."""
        ...
