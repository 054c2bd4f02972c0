"""The programs of PostgreSQL that dump, restore and copy, run so that no password is seen."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from central.service.ports.backups import BackupFailedError, ProgramMissingError

_DEBIAN: Final = Path("/usr/lib/postgresql")
# Secrets of a DSN that libpq takes from no variable, but from a service file.
_FILED: Final = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
_SERVICE: Final = "meterline"
_SAID_MAX: Final = 500


class Programs:
    """PostgreSQL's client programs, on one database.

    Args:
        dsn: Of the database.
        folder: Where they are; None looks in PATH, then where Debian puts them.

    Raises:
        BackupFailedError: The DSN has a secret that can only stand in its service file.
    """

    def __init__(self, dsn: str, folder: Path | None = None) -> None:
        given = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
        # The arguments of a program are everybody's to read; its environment is not.
        password = given.pop("password", None)
        self._environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
        self._filed = {key: given.pop(key) for key in _FILED if key in given}
        if self._filed:
            if "service" in given:
                message = f"The DSN has {', '.join(self._filed)} beside a service."
                remedy = "Write it into the service's file."
                raise BackupFailedError(message, value=given["service"], remedy=remedy)
            given["service"] = _SERVICE
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
        with tempfile.TemporaryDirectory(prefix="meterline-") as folder:
            return await self._run(Path(folder), name, *arguments, given=given)

    async def _run(self, folder: Path, name: str, *arguments: str | Path, given: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            self.find(name),
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self._environment, **self._service_file(folder)},
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

    def _service_file(self, folder: Path) -> dict[str, str]:
        """The variable that names it, in a folder of ours alone; none where the DSN needs none."""
        if not self._filed:
            return {}
        file = folder / "pg_service.conf"
        lines = [f"[{_SERVICE}]", *(f"{key}={value}" for key, value in self._filed.items()), ""]
        file.write_text("\n".join(lines), encoding="utf-8")
        return {"PGSERVICEFILE": str(file)}

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
