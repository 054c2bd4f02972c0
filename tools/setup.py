"""Prepare this folder for a `make` command: `python3 tools/setup.py demo|test|build`.

Makes `.venv`, installs the locked packages and the project itself, fetches the pages' scripts, and
for `test` the Debian packages that the tests drive for real; for `build` only what builds a wheel.
Only the standard library is used. What is done already is not done again; two runs at once wait
for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)
LOCK_OF = {"demo": "demo", "test": "dev", "build": "build"}
# A fuller set serves a smaller one: its versions are the same.
SERVED_BY = {"build": ("build", "demo", "dev"), "demo": ("demo", "dev"), "dev": ("dev",)}
DEBIAN_SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
TEST_PROGRAMS = {"mosquitto": "mosquitto", "chromium": "chromium", "promtool": "prometheus"}
# Debian starts these with the package; the tests run servers of their own.
SERVICES = ("mosquitto", "prometheus")


def say(text: str) -> None:
    """Tell what happens now."""
    print(f"==> {text}", flush=True)


def run(*argv: str | Path) -> None:
    """Run a program that must succeed."""
    # Nothing may wait for an answer from the keyboard.
    subprocess.run(argv, check=True, cwd=REPOSITORY, stdin=subprocess.DEVNULL)


def succeeds(*argv: str | Path) -> bool:
    """Tell whether a program succeeds, without showing what it says."""
    try:
        done = subprocess.run(argv, check=False, cwd=REPOSITORY, capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold off a second run in the same folder until the first is done."""
    with (REPOSITORY / "pyproject.toml").open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up in this folder")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def root_prefix() -> list[str] | None:
    """Return what to put before a command that root must run; None where there is no way."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if succeeds("sudo", "-n", "true") else None


def install_debian_packages(*names: str) -> None:
    """Install packages with apt-get, as root or with a sudo that does not ask.

    Ends the program with what to type where neither is to be had.
    """
    prefix = root_prefix()
    if prefix is None or shutil.which("apt-get") is None:
        sys.exit(f"Missing: {', '.join(names)}. As root: apt-get install {' '.join(names)}")
    say(f"installing Debian's {', '.join(names)}")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    # Another apt may be at work, as on a machine that has just started.
    apt += ["-o", "DPkg::Lock::Timeout=300"]
    run(*apt, "update")
    run(*apt, "install", "-y", "--no-install-recommends", *names)


def ensure_test_programs() -> None:
    """Have the servers and the browser that the tests drive."""
    missing = [
        package
        for program, package in TEST_PROGRAMS.items()
        if shutil.which(program, path=DEBIAN_SYSTEM_PATH) is None
    ]
    if not missing:
        return
    install_debian_packages(*missing)
    for name in SERVICES:
        if name in missing:
            quieten_service(name)


def quieten_service(name: str) -> None:
    """Stop a service that Debian starts with its package: the tests run servers of their own."""
    prefix = root_prefix() or []
    if Path("/run/systemd/system").is_dir():
        run(*prefix, "systemctl", "disable", "--quiet", "--now", f"{name}.service")
    else:
        succeeds(*prefix, f"/etc/init.d/{name}", "stop")


def ensure_venv() -> None:
    """Have a working `.venv` with pip in it."""
    if succeeds(PYTHON, "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"):
        return
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        install_debian_packages("python3-venv", f"python{version}-venv")
    say("making .venv")
    # Cleared, since a folder that was moved or cut off half-way looks whole.
    run(sys.executable, "-m", "venv", "--clear", VENV)


def digest(*files: Path) -> str:
    """Return one hash over the content of some files."""
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def ensure_packages(lock: str) -> None:
    """Have the packages of one lock file, and this project beside them, in `.venv`."""
    for name in SERVED_BY[lock]:
        if stamp_of(name).exists() and stamp_of(name).read_text() == wanted(name):
            return
    # Until it is whole it counts for nothing.
    stamp_of(lock).unlink(missing_ok=True)
    say(f"installing the packages of requirements/{lock}.txt (a minute or two the first time)")
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
    ]
    run(*pip, "--require-hashes", "--only-binary=:all:", "-r", f"requirements/{lock}.txt")
    if lock != "build":
        # Its build tools are in the lock file, so nothing else is fetched.
        run(*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    stamp_of(lock).write_text(wanted(lock))


def stamp_of(lock: str) -> Path:
    """Return the file that says what was installed last."""
    return VENV / f".installed-{lock}"


def wanted(lock: str) -> str:
    """Return what the stamp of a finished installation says."""
    return digest(REPOSITORY / "requirements" / f"{lock}.txt", REPOSITORY / "pyproject.toml")


def ensure_assets(purpose: str) -> None:
    """Have the dashboard's scripts and styles; the tool itself knows what is there already."""
    tool = REPOSITORY / "tools" / "assets.py"
    if tool.exists():
        run(PYTHON, tool, *(["--tests"] if purpose == "test" else []))


def main() -> None:
    """Do the set-up that the first argument names."""
    if len(sys.argv) != 2 or sys.argv[1] not in LOCK_OF:  # noqa: PLR2004
        sys.exit("usage: tools/setup.py demo|test|build")
    if sys.version_info < OLDEST_PYTHON:
        sys.exit("Meterline needs Python 3.11 or newer; name one: make demo PYTHON=python3.11")
    purpose = sys.argv[1]
    with one_at_a_time():
        ensure_venv()
        ensure_packages(LOCK_OF[purpose])
        ensure_assets(purpose)
        if purpose == "test":
            ensure_test_programs()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"This step failed: {' '.join(map(str, failed.cmd))}")
    except KeyboardInterrupt:
        sys.exit(130)
