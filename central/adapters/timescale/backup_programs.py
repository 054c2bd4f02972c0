"""The programs of PostgreSQL that dump, restore and copy, run so that no password is seen."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from central.service.ports.backups import BackupFailedError, ProgramMissingError

_DEBIAN: Final = Path("/usr/lib/postgresql")
_SECRETS: Final = {"password": "PGPASSWORD"}
_SAID_MAX: Final = 500


class Programs:
    """PostgreSQL's client programs, on one database.

    Args:
        dsn: Of the database.
        folder: Where they are; None looks in PATH, then where Debian puts them.
    """

    def __init__(self, dsn: str, folder: Path | None = None) -> None:
        given = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
        # The arguments of a program are everybody's to read; its environment is not.
        secrets = {_SECRETS[key]: given.pop(key) for key in [*given] if key in _SECRETS}
        self._environment = {**os.environ, **secrets}
        self._conninfo = make_conninfo("", **given)
        self._folder = folder

    async def on_database(self, name: str, *arguments: str | Path, given: bytes = b"") -> bytes:
        """Run a program on the database; what it prints.

        Raises:
            BackupFailedError: It failed.
            ProgramMissingError: It is not there.
        """
        return await self.run(name, f"--dbname={self._conninfo}", *arguments, given=given)

    async def run(self, name: str, *arguments: str | Path, given: bytes = b"") -> bytes:
        """Run a program; what it prints.

        Raises:
            BackupFailedError: It failed.
            ProgramMissingError: It is not there.
        """
        process = await asyncio.create_subprocess_exec(
            self.find(name),
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        try:
            printed, complaint = await process.communicate(given)
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            text = " ".join(complaint.decode("utf-8", "replace").split())[-_SAID_MAX:]
            message = f"{name} failed: {text or f'it ended with {process.returncode}'}"
            raise BackupFailedError(message, value=process.returncode)
        return printed

    def find(self, name: str) -> Path:
        """Where a program is.

        Raises:
            ProgramMissingError: Nowhere.
        """
        if self._folder is not None:
            if (program := self._folder / name).is_file():
                return program
            message = f"{self._folder} has no {name}."
            raise ProgramMissingError(message, value=name)
        if (path := shutil.which(name)) is not None:
            return Path(path)
        newest = max(
            _with(_DEBIAN, name), key=lambda path: int(path.parent.parent.name), default=None
        )
        if newest is None:
            message = f"{name} is not installed."
            raise ProgramMissingError(message, value=name)
        return newest


def _with(parent: Path, name: str) -> Sequence[Path]:
    return [path for path in parent.glob(f"*/bin/{name}") if path.parent.parent.name.isdigit()]
