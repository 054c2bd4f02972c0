"""The deployment files are at least what they say they are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from firmware_bridge.contract import topics
from tests.support.data import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_unit(unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian's package systemd)")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    # The program is installed where the unit is, not here.
    said = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert not [line for line in said if unit.stem.split("@")[0] in line]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_gives_its_service_no_power(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    for wanted in ("DynamicUser=yes", "NoNewPrivileges=yes", "CapabilityBoundingSet="):
        assert wanted in lines
    assert "ProtectSystem=strict" in lines


def test_compose_starts_the_centre_after_its_migrations() -> None:
    services = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    assert {"database", "broker", "migrate", "ingest", "worker", "serve"} == set(services)
    for name in ("ingest", "serve"):
        assert services[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }


def test_the_brokers_rules_are_those_of_the_contract() -> None:
    acl = (DEPLOY / "mosquitto" / "acl").read_text()
    gateway = set(re.findall(r"^pattern (read|write) (\S+)$", acl, re.MULTILINE))
    assert gateway == {
        ("write", topics.up("x").replace("/x/", "/%u/")),
        ("write", topics.status("x").replace("/x/", "/%u/")),
        ("read", topics.down("x").replace("/x/", "/%u/")),
        ("read", topics.down("x").replace("/x/down", "/%u/cmd")),
        ("read", topics.down("x").replace("/x/down", "/%u/cfg")),
        ("read", topics.ALL_DOWN),
    }
    centre = set(re.findall(r"^topic (read|write) (\S+)$", acl, re.MULTILINE))
    assert ("read", topics.UP_FILTER) in centre
    assert ("write", topics.ALL_DOWN) in centre


def test_the_broker_lets_nobody_in_without_a_certificate() -> None:
    settings = dict(
        line.split(" ", 1)
        for line in (DEPLOY / "mosquitto" / "mosquitto.conf").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert settings["require_certificate"] == "true"
    assert settings["use_identity_as_username"] == "true"
    assert settings["allow_anonymous"] == "false"
