"""What runs on this machine, as far as a test of ours needs to know."""

from __future__ import annotations

import time
from pathlib import Path


def running_in(folder: Path) -> set[int]:
    """Return the living processes whose working directory is `folder` or below it."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            where = (entry / "cwd").readlink()
            # The field after the name in brackets; a zombie has ended and only awaits its parent.
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and where.is_relative_to(folder.resolve()):
            found.add(int(entry.name))
    return found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def gone_within(folder: Path, seconds: float) -> bool:
    """Tell whether nothing runs in `folder` any more, waiting for at most `seconds`."""
    deadline = time.monotonic() + seconds
    while running_in(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
