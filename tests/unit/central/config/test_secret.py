from __future__ import annotations

from pathlib import Path

import pytest

from central.config.broker import BrokerSettings
from central.config.secret import SecretRefusedError, strong
from central.config.settings import Settings

SECRET = "2f" * 32


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METERLINE_WEB_SECRET", "METERLINE_SECRETS_DIR", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def test_a_secret_of_the_least_length_is_one() -> None:
    strong("k" * 32, "The key")
    strong("\u00e9" * 16, "The key")
    with pytest.raises(SecretRefusedError, match="31 bytes; it needs at least 32"):
        strong("k" * 31, "The key")


@pytest.mark.parametrize("variable", ["METERLINE_SECRETS_DIR", "CREDENTIALS_DIRECTORY"])
def test_a_secret_may_lie_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    (tmp_path / "METERLINE_WEB_SECRET").write_text(f"{SECRET}\n", encoding="utf-8")
    (tmp_path / "meterline_broker_password").write_text("sesame-street", encoding="utf-8")
    monkeypatch.setenv(variable, str(tmp_path))
    chosen, broker = Settings().web_secret, BrokerSettings().broker_password
    assert chosen is not None
    assert chosen.get_secret_value() == SECRET
    assert broker is not None
    assert broker.get_secret_value() == "sesame-street"


def test_a_blank_in_the_environment_hides_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meterline_web_secret").write_text(SECRET, encoding="utf-8")
    monkeypatch.setenv("METERLINE_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("METERLINE_WEB_SECRET", "")
    with pytest.raises(SecretRefusedError, match="METERLINE_WEB_SECRET is set but empty"):
        Settings()
