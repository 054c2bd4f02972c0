"""What the deployment files allow each process: memory, descriptors, tasks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from central.api.connection import Patience
from tests.support.data import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted(DEPLOY.glob("*/*.service"))
MIB = 1024**2
SIZES = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB}
# Beside connections: the database's, the listener, the process's own.
SPARE_FILES = 64


def service(unit: Path) -> dict[str, str]:
    """The settings of a unit's service, each of which may stand there once."""
    _, _, rest = unit.read_text(encoding="utf-8").partition("[Service]\n")
    pairs = re.findall(r"^(Memory\w+|Limit\w+|Tasks\w+)=(.+)$", rest, re.MULTILINE)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([kmg]?)", str(text).lower())
    assert found is not None, text
    return int(found[1]) * SIZES[found[2]]


def containers() -> dict[str, Any]:
    text = (DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    assert isinstance(services, dict)
    return services


def test_every_unit_is_looked_at() -> None:
    assert len(UNITS) == len(list(DEPLOY.rglob("*.service"))) >= 5


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_bounded(unit: Path) -> None:
    found = service(unit)
    assert 64 * MIB <= size(found["MemoryMax"]) <= 2048 * MIB
    assert 1024 <= int(found["LimitNOFILE"]) <= 65_536
    assert 32 <= int(found["TasksMax"]) <= 512


def test_the_server_may_open_a_file_per_connection() -> None:
    needed = Patience().connections + SPARE_FILES
    assert int(service(DEPLOY / "systemd" / "meterline-serve.service")["LimitNOFILE"]) >= needed
    assert containers()["serve"]["ulimits"]["nofile"]["soft"] >= needed


@pytest.mark.parametrize("name", sorted(containers()))
def test_a_container_is_bounded(name: str) -> None:
    found = containers()[name]
    most = re.sub(r"^\$\{\w+:-(\w+)\}$", r"\1", str(found["mem_limit"]))
    assert 256 * MIB <= size(most) <= 4096 * MIB
    if name != "database":
        assert found["memswap_limit"] == found["mem_limit"]
    assert 32 <= found["pids_limit"] <= 512
    files = found["ulimits"]["nofile"]
    assert 1024 <= files["soft"] == files["hard"] <= 65_536
