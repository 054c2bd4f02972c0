"""The wheel as whoever installs it has it: built from a clean clone, and played outside of it."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from central.domain.billing.cycle import Cycle
from tests.support.data import REPOSITORY
from tests.support.processes import running_in
from tests.support.size import SOAK

PACKAGES = ("central", "edge_agent", "firmware_bridge")
VENDOR = Path("central/dashboard/static/vendor")
SCRIPTS = set(runpy.run_path(str(REPOSITORY / "tools" / "assets.py"))["FILES"].values())
# What fetches the scripts, and is of no use to whoever has them.
LEFT_OUT = {f"central/dashboard/{name}" for name in (".npmrc", "package.json", "package-lock.json")}
# What an installation has beside the code, found as the product finds it.
LOOK_ROUND = """
from importlib.metadata import entry_points
from pathlib import Path
import central, edge_agent, firmware_bridge
from central.adapters.timescale.migrate import MIGRATIONS
from central.dashboard.assets import Assets
from firmware_bridge.modbus.profiles import profile_names
from firmware_bridge.mqtt_native.mappings import mapping_names
Assets()
print(*(Path(package.__file__).parent for package in (central, edge_agent, firmware_bridge)))
print(len(profile_names()), len(mapping_names()), len(list(MIGRATIONS.glob("*.sql"))))
print(*sorted(point.name for point in entry_points(group="meterline.drivers") if point.load()))
"""


@dataclass(frozen=True, slots=True)
class Built:
    """What a clean clone was made into."""

    tracked: frozenset[str]
    wheel: Path
    archive: Path


def tracked_files() -> frozenset[str]:
    """What a clone would have: a file that git does not know is not there."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is no clone, so nobody knows what a clean one has")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    return frozenset(name for name in listed.split("\0") if name)


def hatch(clone: Path, out: Path, *targets: str, path: str | None = None) -> None:
    """Build as any front end has it built, with what is locked here."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *targets, "--directory", str(out)],
        cwd=clone,
        env={**os.environ, **({} if path is None else {"PATH": path})},
        check=True,
        capture_output=True,
    )


def clone_to(folder: Path) -> frozenset[str]:
    tracked = tracked_files()
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name, follow_symlinks=False)
    return tracked


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and archive of a clean clone, in which the scripts have been fetched already."""
    clone = tmp_path_factory.mktemp("a clean") / "clone"
    tracked = clone_to(clone)
    shutil.copytree(REPOSITORY / VENDOR, clone / VENDOR)
    out = clone.with_name("dist")
    # Neither npm nor anything else is there to fetch what is there.
    hatch(clone, out, path=str(clone))
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return Built(tracked, wheel, archive)


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return {name for name in packed.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_the_packages_and_the_scripts(built: Built) -> None:
    ours = {name for name in built.tracked if name.startswith(tuple(f"{p}/" for p in PACKAGES))}
    assert names_in(built.wheel) == ours - LEFT_OUT | {f"{VENDOR}/{name}" for name in SCRIPTS}
    assert {f"{package}/py.typed" for package in PACKAGES} <= names_in(built.wheel)


def test_the_archive_has_the_whole_clone_and_makes_the_same_wheel(
    built: Built, tmp_path: Path
) -> None:
    with tarfile.open(built.archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    missing = {name for name in built.tracked if not (source / name).exists()}
    assert not missing
    hatch(source, tmp_path / "dist", "--target", "wheel", path=str(source))
    assert (tmp_path / "dist" / built.wheel.name).read_bytes() == built.wheel.read_bytes()


def empty_environment(folder: Path) -> Path:
    """Its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def install(python: Path, *wanted: str) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(python), "--no-input", "--quiet"),
            *("install", "--disable-pip-version-check", *wanted),
        ],
        cwd=python.parent,
        check=True,
    )


def borrow_dependencies(python: Path) -> None:
    """Show an environment the packages that the tests run with, all but Meterline itself.

    A path that stands in a .pth file has its own .pth files ignored, and so the clone.
    """
    (own,) = python.parents[1].glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


def outside(folder: Path) -> dict[str, str]:
    """An environment of a shell that has never seen the clone."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "COLUMNS": "140"}


def check_installation(python: Path, home: Path) -> None:
    """Look round in an installation, and bill last month with it."""
    look = subprocess.run(
        [python, "-c", LOOK_ROUND],
        cwd=home,
        env=outside(home),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for place in look[0].split(str(python.parents[1]))[1:]:
        assert "site-packages" in place
    assert look[0].count(str(python.parents[1])) == len(PACKAGES)
    profiles, mappings, migrations = map(int, look[1].split())
    assert profiles == len(list((REPOSITORY / "firmware_bridge").rglob("profiles/*.toml")))
    assert mappings == len(list((REPOSITORY / "firmware_bridge").rglob("mappings/*.toml")))
    assert migrations == len(list((REPOSITORY / "central" / "migrations").glob("*.sql")))
    assert {"modbus", "dlms", "mbus", "pulse"} <= set(look[2].split())
    done = subprocess.run(
        [python.with_name("meterline-central"), "demo", "--once", "--home", home / "demo"],
        cwd=home,
        env=outside(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    today = datetime.now(ZoneInfo("Europe/Madrid"))
    cycle = str(Cycle(today.year, today.month).previous)
    assert f"Bills of {cycle}" in done.stdout
    invoices = sorted((home / "demo" / "invoices" / cycle).glob("*.pdf"))
    assert len(invoices) == 3
    for invoice in invoices:
        total = re.search(r"([\d,]+\.\d\d) EUR", PdfReader(invoice).pages[0].extract_text())
        assert total is not None
        assert f"{total[1]} EUR" in done.stdout
    assert not running_in(home)


def test_once_bills_last_month_from_the_wheel_and_leaves_three_invoices(
    built: Built, tmp_path: Path, server_home: Path
) -> None:
    python = empty_environment(tmp_path / "an empty place")
    borrow_dependencies(python)
    install(python, "--no-index", "--no-deps", str(built.wheel))
    check_installation(python, server_home)


@pytest.mark.skipif(not os.environ.get(SOAK), reason=f"{SOAK} is unset: fetches some 150 MB")
def test_everything_is_fetched_then_installed_without_the_internet_or_the_machines_npm(
    tmp_path: Path, server_home: Path
) -> None:
    clone = tmp_path / "a clean clone"
    clone_to(clone)
    out = tmp_path / "dist"
    hatch(clone, out, "--target", "wheel", path=str(tmp_path))
    python = empty_environment(tmp_path / "an empty place")
    # Fetched, then installed, as docs/how-to/deploy.md says of a machine without the internet.
    wheels, lock = tmp_path / "wheels", clone / "requirements" / "demo.txt"
    locked = ("--require-hashes", "-r", lock)
    fetched = ("--only-binary=:all:", "--dest", wheels, *locked)
    pip = (sys.executable, "-m", "pip", "--no-input", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "download", *fetched], check=True)
    install(python, "--no-index", "--find-links", str(wheels), *map(str, locked))
    (wheel,) = out.glob("*.whl")
    install(python, "--no-index", f"{wheel}[demo]")
    check_installation(python, server_home)
