"""Where the real data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT = REPOSITORY.parent / "shared" / "data"
VARIABLE = "METERLINE_DATA"


def find_data(*parts: str) -> Path | None:
    """Return a folder of the real data, or None: for parametrisation at collection."""
    folder = Path(os.environ.get(VARIABLE) or DEFAULT).joinpath(*parts)
    return folder if folder.exists() else None


def data_root(*parts: str) -> Path:
    """Return a folder of the real data, `data_root("loads")`; skip the test where it is missing."""
    found = find_data(*parts)
    if found is None:
        wanted = "/".join(parts) or "the data folder"
        pytest.skip(f"no real data: {wanted} is missing; {VARIABLE} names the folder")
    return found
