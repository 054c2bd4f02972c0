"""Run every check that needs no test: style, format, types, import contracts.

All of them run even when one fails, so that one go shows everything; the exit code says whether
all passed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "--quiet", "."),
    ("mypy",),
    ("lint-imports", "--no-logo"),
)


def main() -> None:
    """Run the checks in turn."""
    failed = []
    for program, *arguments in CHECKS:
        done = subprocess.run([BIN / program, *arguments], cwd=REPOSITORY, check=False)
        if done.returncode != 0:
            failed.append(" ".join([program, *arguments]))
    if failed:
        sys.exit(f"failed: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
