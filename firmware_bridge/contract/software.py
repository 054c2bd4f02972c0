"""Which version of this software runs: every command, gateway and process says it alike."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "meterline"


def software_version() -> str | None:
    """The installed version; None where the sources run without being installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return None


def named_version(program: str) -> str:
    """What `PROGRAM --version` prints: `meterline-edge 0.2.0`."""
    return f"{program} {software_version() or '(version unknown: the package is not installed)'}"
