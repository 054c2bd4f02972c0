"""Write requirements/*.txt: every package a set needs, for all supported Pythons, with hashes.

`make lock` keeps what is locked as far as pyproject.toml allows; `make lock ARGS=--upgrade` takes
the newest. The files name no index, so that they install from wherever pip is set up to look.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
WIDEST = "dev"
PROJECT = "pyproject.toml"
# The widest set first: the others may only hold what it holds, so all fit into one environment.
SETS = {
    "dev": [PROJECT, "--extra=demo", "--extra=einvoice-check", "--extra=traces", "--group=dev"],
    "demo": [PROJECT, "--extra=demo", "--group=build"],
    "central": [PROJECT, "--extra=central"],
    "einvoice-check": [PROJECT, "--extra=central", "--extra=einvoice-check"],
    "traces": [PROJECT, "--extra=central", "--extra=traces"],
    "edge": [PROJECT, "--extra=edge"],
    # Groups alone, without what the project itself needs.
    "build": ["--group=build"],
    "node": ["--group=node"],
}


def compile_set(name: str, wanted: list[str], further: list[str]) -> None:
    """Compile one set with uv."""
    target = REPOSITORY / "requirements" / f"{name}.txt"
    limits = [] if name == WIDEST else [f"--constraints=requirements/{WIDEST}.txt"]
    subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile"),
            *("--universal", "--python-version=3.11", "--generate-hashes"),
            # One version for every Python, so that they are checked alike.
            "--fork-strategy=fewest",
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
            *("--quiet", f"--output-file={target}"),
            *wanted,
            *limits,
            *further,
        ],
        cwd=REPOSITORY,
        check=True,
    )


def main() -> None:
    """Compile every set; further arguments go to uv."""
    for name, wanted in SETS.items():
        compile_set(name, wanted, sys.argv[1:])


if __name__ == "__main__":
    main()
