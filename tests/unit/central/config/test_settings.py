"""The settings' names: one prefix, all of them in the reference, old ones still taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from central.config import renamed
from central.config.broker import BrokerSettings
from central.config.ingest import IngestSettings
from central.config.renamed import SettingRetiredError
from central.config.secret import FOLDERS, SecretRefusedError, SettingMissingError
from central.config.settings import Settings
from tests.support.data import REPOSITORY

REFERENCE = (REPOSITORY / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
FAMILY = (Settings, BrokerSettings, IngestSettings)
DSN = "postgresql://user@host/meterline"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*variables(), *FOLDERS, *former()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(renamed, "_reported", set())


def variables() -> dict[str, object]:
    """Every variable, and its default."""
    return {
        f"METERLINE_{name}".upper(): field.default
        for settings in FAMILY
        for name, field in settings.model_fields.items()
    }


def former() -> dict[str, str]:
    """Every old name, and the new one."""
    return {
        old: f"METERLINE_{name}".upper()
        for settings in FAMILY
        for name, old in settings.renamed.items()
    }


def rows(heading: str) -> dict[str, str]:
    """The first two columns of the reference's table below a heading."""
    section = REFERENCE.partition(f"# {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))


def test_the_reference_lists_every_setting_and_no_other() -> None:
    assert rows("Settings of the centre").keys() == {*variables(), "METERLINE_SECRETS_DIR"}


def test_the_reference_gives_the_defaults() -> None:
    listed = rows("Settings of the centre")
    for name, default in variables().items():
        if isinstance(default, bool):
            assert listed[name] == str(default).lower()
        elif isinstance(default, int | float):
            assert float(listed[name]) == default
        elif isinstance(default, str):
            assert listed[name] == (default or "none")


def test_the_reference_lists_every_old_name() -> None:
    assert rows("Old names") == {old: f"`{new}`" for old, new in former().items()}


def test_the_deployment_sets_nothing_that_no_process_reads() -> None:
    named: set[str] = set()
    for file in (REPOSITORY / "deploy").rglob("*"):
        if file.is_file() and file.parent.name in {"compose", "systemd"}:
            named |= set(re.findall(r"METERLINE_\w+", file.read_text(encoding="utf-8")))
    assert named
    assert named <= variables().keys() | {*FOLDERS}


def test_a_setting_of_the_utility_is_refused_by_name_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meterline_due_days").write_text("20")
    monkeypatch.setenv("METERLINE_SERIES", "ES26")
    with pytest.raises(SettingRetiredError, match=r"METERLINE_SERIES.*settings set --series"):
        Settings()
    monkeypatch.delenv("METERLINE_SERIES")
    Settings()
    monkeypatch.setenv("METERLINE_SECRETS_DIR", str(tmp_path))
    with pytest.raises(SettingRetiredError, match=r"METERLINE_DUE_DAYS.*settings set --due-days"):
        Settings()


def test_the_reference_lists_every_retired_setting() -> None:
    assert rows("Retired settings").keys() == {
        name for settings in FAMILY for name in settings.retired
    }


def test_an_old_name_still_works_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERLINE_INGEST_BROKER_HOST", "broker.example")
    with capture_logs() as lines:
        assert BrokerSettings().broker_host == "broker.example"
        assert IngestSettings().broker_host == "broker.example"
    (line,) = lines
    assert line["event"] == "setting_renamed"
    assert line["old_name"] == "METERLINE_INGEST_BROKER_HOST"
    assert line["new_name"] == "METERLINE_BROKER_HOST"


def test_the_new_name_goes_before_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERLINE_INGEST_BROKER_PORT", "1")
    monkeypatch.setenv("METERLINE_BROKER_PORT", "2")
    with capture_logs() as lines:
        assert BrokerSettings().broker_port == 2
    assert lines == []


def test_a_secret_in_a_file_of_the_old_name_is_read_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "meterline_ingest_broker_password"
    file.write_text("sesame-street\n", encoding="utf-8")
    monkeypatch.setenv("METERLINE_SECRETS_DIR", str(tmp_path))
    password = BrokerSettings().broker_password
    assert password is not None
    assert password.get_secret_value() == "sesame-street"
    file.write_text("", encoding="utf-8")
    with pytest.raises(SecretRefusedError, match="METERLINE_BROKER_PASSWORD is set but empty"):
        BrokerSettings()


def test_ingest_has_its_own_database_or_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingMissingError):
        IngestSettings().dsn()
    monkeypatch.setenv("METERLINE_DATABASE", DSN)
    assert IngestSettings().dsn() == DSN
    monkeypatch.setenv("METERLINE_INGEST_DATABASE", f"{DSN}_in")
    assert IngestSettings().dsn() == f"{DSN}_in"
    monkeypatch.setenv("METERLINE_INGEST_DATABASE", " ")
    with pytest.raises(SecretRefusedError, match="METERLINE_INGEST_DATABASE is set but empty"):
        IngestSettings()
