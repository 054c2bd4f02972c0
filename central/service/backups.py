"""Take backups, and restore them only as far as they can be shown to say the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from central.domain.actor import Actor
from central.service.ports.backups import BackupStore, BackupUnreadableError, Manifest

SUFFIX = ".json"
TAKEN, RESTORED = "backup.take", "backup.restore"
DATABASE = "database"
"""Subject of what the audit log says of backups."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was taken.

    Args:
        path: The file, or the folder of a copy of the server.
        manifest: What it holds.
    """

    path: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Restored:
    """What a database says after it was restored.

    Args:
        manifest: Of the backup.
        differences: Where the database says something else, in sentences.
        seals_lost: Seals of the audit log that are anchored outside and came after the backup;
            None where nobody anchors.
        closed: How many codes and sign-ins were ended, by what they are.
    """

    manifest: Manifest
    differences: tuple[str, ...]
    seals_lost: int | None
    closed: Mapping[str, int] = field(default_factory=dict)


class Backups:
    """Use-cases of backups.

    Args:
        store: Of the database.
        clock: Now, aware.
        actor: Who acts.
    """

    def __init__(self, store: BackupStore, clock: Callable[[], datetime], actor: Actor) -> None:
        self._store, self._clock, self._actor = store, clock, actor

    async def take(self, folder: Path, *, of_server: bool = False) -> Backup:
        """Write a backup and its manifest into a folder, and note it in the audit log.

        Args:
            folder: It is there.
            of_server: Copy the whole server, with its log, in place of dumping the database.

        Raises:
            BackupFailedError: It could not be written; what was written is not used.
            ProgramMissingError: There is nothing to write it with.
            StoreUnfitError: The database has no schema of ours.
        """
        now = self._clock()
        path = folder / f"meterline-{now:%Y%m%dT%H%M%SZ}{'.base' if of_server else '.dump'}"
        if of_server:
            manifest = replace(await self._store.copy(path, now), file=path.name)
        else:
            half = path.with_suffix(".part")
            try:
                manifest = await self._store.dump(half, now)
                half.replace(path)
            finally:
                half.unlink(missing_ok=True)
            manifest = replace(manifest, file=path.name)
        text = json.dumps(manifest.to_json(), indent=1)
        path.with_name(path.name + SUFFIX).write_text(f"{text}\n", encoding="utf-8")
        rows = sum(manifest.rows.values())
        detail = {"file": path.name, "sha256": manifest.sha256, "rows": rows}
        await self._store.note(self._clock(), self._actor, TAKEN, DATABASE, detail)
        return Backup(path, manifest)

    async def restore(
        self, file: Path, sha256_of: Callable[[Path], str], anchored: Mapping[int, bytes]
    ) -> Restored:
        """Fill an empty database from a dump, and compare it with what the dump held.

        Args:
            file: The dump, with its manifest beside it.
            sha256_of: Hashes a file, in hex.
            anchored: Hashes of the audit log that are kept outside, by number of their seal.

        Raises:
            BackupUnreadableError: It is not what its manifest says.
            RestoreNotEmptyError: The database is not empty; nothing was changed.
            BackupFailedError: It could not be filled; it is of no use now.
            ProgramMissingError: There is nothing to read it with.
        """
        manifest = read_manifest(file)
        if manifest.sha256 != sha256_of(file):
            message = f"{file.name} is not the file that its manifest describes."
            raise BackupUnreadableError(message, value=file.name)
        await self._store.load(file, manifest)
        restored = replace(
            await self.compare(manifest, anchored),
            closed=await self._store.close_doors(self._clock()),
        )
        detail = {
            "file": file.name,
            "taken_at": manifest.taken_at.isoformat(),
            "sha256": manifest.sha256,
            "differences": list(restored.differences),
            "closed": dict(restored.closed),
        }
        await self._store.note(self._clock(), self._actor, RESTORED, DATABASE, detail)
        return restored

    async def close_doors(self) -> Mapping[str, int]:
        """End codes and sign-ins of a server that was restored by other means."""
        now = self._clock()
        closed = await self._store.close_doors(now)
        await self._store.note(now, self._actor, RESTORED, DATABASE, {"closed": dict(closed)})
        return closed

    async def compare(self, manifest: Manifest, anchored: Mapping[int, bytes]) -> Restored:
        """Compare a database that was restored, by whatever means, with what the backup held."""
        now = await self._store.manifest(self._clock())
        lost = None
        if anchored:
            lost = max(max(anchored) - now.rows.get("audit_seal", 0), 0)
        return Restored(manifest, tuple(manifest.differences(now)), lost)


def read_manifest(path: Path) -> Manifest:
    """What a backup holds, from the manifest beside it.

    Raises:
        BackupUnreadableError: There is none, or it cannot be read.
    """
    file = path.with_name(path.name + SUFFIX)
    try:
        text = file.read_text(encoding="utf-8")
        return Manifest.of_json(json.loads(text))
    except FileNotFoundError as error:
        message = f"{path.name} has no manifest {file.name} beside it."
        raise BackupUnreadableError(message, value=file.name) from error
    except ValueError as error:
        message = f"{file.name} is no manifest of a backup."
        raise BackupUnreadableError(message, value=file.name) from error
