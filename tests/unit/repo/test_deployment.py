"""The deployment files are at least what they say they are."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from pathspec import PathSpec

from central.config.settings import Settings
from edge_agent.config.settings import parse_config
from tests.support.data import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
CENTRE = sorted((DEPLOY / "systemd").glob("*.service"))
GATEWAY = DEPLOY / "edge" / "meterline-edge.service"
UNITS = [*CENTRE, *sorted((DEPLOY / "edge").glob("*.service"))]


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


@pytest.mark.parametrize("unit", [*CENTRE, GATEWAY], ids=lambda unit: unit.name)
def test_a_unit_gives_its_service_no_power(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    # The gateway's user stays, for its buffer does.
    user = "User=meterline" if unit == GATEWAY else "DynamicUser=yes"
    for wanted in (user, "NoNewPrivileges=yes", "CapabilityBoundingSet="):
        assert wanted in lines
    assert "ProtectSystem=strict" in lines


@pytest.mark.parametrize("unit", [*CENTRE, GATEWAY], ids=lambda unit: unit.name)
def test_a_unit_is_hardened_as_far_as_it_can_be(unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian's package systemd)")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"exposure level for [^:]+: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stderr
    # 0 is best; what remains is the network, and a gateway's serial devices and kernel clock.
    assert Decimal(exposure[1]) <= Decimal("2.5")


@pytest.mark.parametrize("script", ["hand-over", "apply-update", "debian/postinst"])
def test_a_script_is_one_for_any_shell(script: str) -> None:
    subprocess.run(["sh", "-n", str(DEPLOY / "edge" / script)], check=True)


def test_the_template_of_a_gateways_file_is_one_once_it_is_filled_in() -> None:
    lines = (DEPLOY / "edge" / "edge.toml").read_text().splitlines()
    # What is commented out begins with a hash and a space, a sentence with a capital or a quote.
    said = [line.removeprefix("# ") for line in lines]
    table = tomllib.loads("\n".join(line for line in said if re.match(r"\[|[a-z_]+ = ", line)))
    for section in ("remote", "update"):
        table[section]["keys"] = ["00" * 32]
    config = parse_config(table)
    assert (config.gateway, [meter.name for meter in config.meters]) == ("roof-17", ["main"])


def broker_lines() -> list[str]:
    lines = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_broker_has_rules_for_every_subscription() -> None:
    """Files of rules never refuse one, the plugin does."""
    lines = broker_lines()
    assert "plugin mosquitto_dynamic_security.so" in lines
    assert not [line for line in lines if line.startswith("acl_file")]


def test_each_door_of_the_broker_asks_for_a_certificate_of_its_own_authority() -> None:
    doors = "\n".join(broker_lines()).split("listener ")[1:]
    assert [door.split("\n")[0] for door in doors] == ["8883", "8884"]
    for door in doors:
        assert "require_certificate true\nuse_identity_as_username true" in door
    authorities = [re.search(r"^cafile (.+)$", door, re.MULTILINE) for door in doors]
    assert len({found[1] for found in authorities if found is not None}) == 2
    assert "use_username_as_clientid true" in doors[0]


def test_the_broker_lets_nobody_in_without_a_certificate() -> None:
    settings = dict(line.split(" ", 1) for line in broker_lines())
    assert settings["require_certificate"] == "true"
    assert settings["use_identity_as_username"] == "true"
    assert settings["allow_anonymous"] == "false"


def build_context(files: list[str]) -> list[str]:
    """Which files of the repository go into the image."""
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    # Docker's patterns begin at the folder that is built; those of git wherever they stand.
    rooted = [re.sub(r"^(!?)(?=[^*#!])", r"\1/", line) for line in lines]
    ignored = PathSpec.from_lines("gitignore", rooted)
    return [file for file in files if not ignored.match_file(file)]


def test_no_secret_and_no_history_gets_into_the_image() -> None:
    secret = [
        ".env",
        ".env.local",
        ".git/config",
        ".venv/bin/python",
        "deploy/compose/.env",
        "deploy/compose/certs/central.key",
        "central/.env",
        "central/config/broker.key",
        "firmware_bridge/server.pem",
        "central/dashboard/node_modules/x/index.js",
        "central/cli/__pycache__/app.pyc",
        "notes.txt",
        "central.key",
        "dist/meterline.whl",
    ]
    needed = [
        "central/cli/app.py",
        "central/migrations/0001_ingest.sql",
        "central/dashboard/static/vendor/htmx.min.js",
        "firmware_bridge/contract/topics.py",
        "requirements/central.txt",
    ]
    assert build_context([*secret, *needed]) == needed


def test_no_file_that_gets_into_the_image_holds_a_key() -> None:
    folders = [file.name for file in REPOSITORY.iterdir() if file.name not in {".git", ".venv"}]
    there = [
        str(file.relative_to(REPOSITORY))
        for name in folders
        for file in ([REPOSITORY / name] if (REPOSITORY / name).is_file() else walk(name))
    ]
    kept = build_context(there)
    assert "central/cli/app.py" in kept
    assert {file.split("/")[0] for file in kept} == {
        *("central", "firmware_bridge", "edge_agent"),
        *("requirements", "pyproject.toml", "LICENSE"),
    }
    marks = (b"PRIVATE KEY-----\n", b"CERTIFICATE-----\n")
    held = [file for file in kept if any(m in (REPOSITORY / file).read_bytes() for m in marks)]
    assert held == []


def walk(folder: str) -> list[Path]:
    return [file for file in (REPOSITORY / folder).rglob("*") if file.is_file()]


def test_no_two_services_share_a_folder_of_state() -> None:
    folders = [
        found[1]
        for unit in CENTRE
        if (found := re.search(r"^StateDirectory=(.+)$", unit.read_text(), re.MULTILINE))
    ]
    assert len(folders) == len(set(folders)) == len(CENTRE)
    # Of one unit, each instance has its own.
    assert all(
        "%i" in folder for folder, unit in zip(folders, CENTRE, strict=True) if "@" in unit.name
    )


def test_the_brokers_key_is_handed_over_and_not_opened_to_all() -> None:
    text = (DEPLOY / "systemd" / "meterline-ingest@.service").read_text()
    assert "LoadCredential=broker.key:" in text
    assert "METERLINE_BROKER_KEY=%d/broker.key" in text


def test_the_authoritys_key_and_the_providers_secret_are_handed_to_the_pages_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = DEPLOY / "systemd" / "meterline-serve.service.d"
    text = (folder / "doors.conf").read_text()
    handed = dict(re.findall(r"^LoadCredential=([^:]+):(.+)$", text, re.MULTILINE))
    assert all(source.startswith("/etc/meterline/") for source in handed.values())
    assert "METERLINE_AUTHORITY_KEY=%d/authority.key" in text
    # As systemd has it: a folder of files, of which one is named after a setting.
    for name in handed:
        (tmp_path / name).write_text("a secret between the two")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name, value in re.findall(r"^Environment=(\w+)=(.+)$", text, re.MULTILINE):
        monkeypatch.setenv(name, value.replace("%d", str(tmp_path)))
    settings = Settings()
    assert settings.oidc_secret.get_secret_value() == "a secret between the two"
    assert settings.authority_key == tmp_path / "authority.key"
    assert settings.authority_key.is_file()
    others = [unit for unit in CENTRE if unit.stem != "meterline-serve"]
    assert others
    assert not [unit for unit in others if "authority" in unit.read_text()]
