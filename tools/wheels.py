"""Say which packages of the gateway's lock have no wheel: `python -m tools.wheels [ARCH...]`.

A gateway installs wheels alone, for it has no compiler. Each locked package is asked for with its
hashes from wherever pip is set up to look, for 64-bit (aarch64) and 32-bit (armv7l) Raspberry Pi OS
and the Pythons it comes with. Exit code 1 where aarch64 misses any; armv7l is told, not required.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LOCK = REPOSITORY / "requirements" / "edge.txt"
REQUIRED = "aarch64"
ARCHITECTURES = (REQUIRED, "armv7l")
PYTHONS = ("3.11", "3.13")
# What Debian 12 has, the older of the two that Raspberry Pi OS is made from.
GLIBC_MINOR = 36
# Others than Linux's own may be in a lock for all platforms.
FOREIGN = "sys_platform == 'win32'"


def requirements(lock: Path = LOCK) -> Iterator[tuple[str, str]]:
    """The name of each locked package, and its lines with all hashes."""
    for entry in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip()):
        name = re.match(r"[A-Za-z0-9._-]+", entry)
        if name is not None and FOREIGN not in entry:
            yield name[0], entry


def platforms(architecture: str) -> list[str]:
    """What pip is to take wheels for, newest first."""
    named = [f"manylinux_2_{minor}_{architecture}" for minor in range(GLIBC_MINOR, 16, -1)]
    return [*named, f"manylinux2014_{architecture}", f"linux_{architecture}"]


def pip_options(architecture: str, python: str) -> list[str]:
    """Options that have pip look for another machine than this one."""
    tag = "cp" + python.replace(".", "")
    wanted = [f"--platform={one}" for one in platforms(architecture)]
    abis = [f"--abi={one}" for one in (tag, "abi3", "none")]
    return [*wanted, *abis, f"--python-version={python}", "--implementation=cp"]


def has_wheel(entry: str, architecture: str, python: str, folder: Path) -> bool:
    """Whether a wheel is to be had for one locked package."""
    asked = folder / "asked.txt"
    asked.write_text(entry + "\n", encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"),
            *("--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"),
            *pip_options(architecture, python),
            *(f"--dest={folder}", f"--requirement={asked}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "No matching distribution" not in done.stderr:
        sys.exit(f"pip could not look for {entry.split(maxsplit=1)[0]}:\n{done.stderr}")
    return done.returncode == 0


def missing(architecture: str, python: str) -> list[str]:
    """The packages without a wheel."""
    found = []
    with tempfile.TemporaryDirectory(prefix="meterline-wheels-") as folder:
        for name, entry in requirements():
            if not has_wheel(entry, architecture, python, Path(folder)):
                found.append(name)
    return found


def main() -> int:
    """Ask for every architecture that is named, or all."""
    failed = 0
    count = len(list(requirements()))
    for architecture in sys.argv[1:] or ARCHITECTURES:
        for python in PYTHONS:
            without = missing(architecture, python)
            said = ", ".join(without) or "none"
            print(f"{architecture}, Python {python}: {count} packages, without a wheel: {said}")
            failed |= bool(without) and architecture == REQUIRED
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
