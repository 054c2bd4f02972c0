from __future__ import annotations

from pathlib import Path
from secrets import token_bytes

import pytest

from central.config.broker import BrokerSettings
from central.config.secret import SecretRefusedError, strong
from central.config.settings import Settings

SECRET = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METERLINE_WEB_SECRET", "METERLINE_SECRETS_DIR", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def test_a_secret_of_the_least_length_is_one() -> None:
    strong("abcdefgh" * 4, "The key")
    strong("\u00e9\u00e8\u00ea\u00eb\u00e0\u00e2\u00e4\u00e7" * 2, "The key")
    with pytest.raises(SecretRefusedError, match="31 bytes; it needs at least 32"):
        strong("k" * 31, "The key")


@pytest.mark.parametrize(
    "secret",
    ["k" * 32, b"k" * 32, "2f" * 32, "abcdefg" * 8, "\x01\x02\x03\x04\x05\x06\x07\x08" * 4,
     "\u200b\u200c\u200d\u2060\ufeff\u202e\u2066\u2069" * 4,
     "k\u200b\u200c\u200d\u2060\ufeff\u202e\u2066" * 4],
    ids=ascii,
)  # fmt: skip
def test_a_secret_of_few_characters_is_none(secret: str | bytes) -> None:
    with pytest.raises(SecretRefusedError, match="it needs at least 8") as caught:
        strong(secret, "The key")
    assert "openssl rand -hex 32" in str(caught.value)
    text = secret if isinstance(secret, str) else secret.decode()
    assert text not in str(caught.value)


def test_a_password_is_not_one_character_over_and_over() -> None:
    strong("sesame12", "The password", 8)
    with pytest.raises(SecretRefusedError, match="it needs at least 2"):
        strong("ssssssssssss", "The password", 8)


def test_a_random_key_is_varied_enough() -> None:
    for _ in range(200):
        strong(token_bytes(32), "The key")
        strong(token_bytes(32).hex(), "The key")


def test_the_key_that_signs_is_not_what_people_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERLINE_WEB_SECRET", f"{SECRET}\n")
    monkeypatch.setenv("METERLINE_WEB_TOKEN", SECRET)
    with pytest.raises(SecretRefusedError, match="METERLINE_WEB_SECRET is the same") as caught:
        Settings()
    assert SECRET not in str(caught.value)
    monkeypatch.setenv("METERLINE_WEB_TOKEN", SECRET[::-1])
    assert Settings().web_token is not None


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
