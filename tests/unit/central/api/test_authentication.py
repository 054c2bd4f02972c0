from __future__ import annotations

from datetime import UTC, datetime

import pytest

from central.api.authentication import BROWSER_COOKIE, Authenticator, BrowserSession
from central.api.settings import WebSettings
from central.config.secret import SecretRefusedError
from firmware_bridge.contract.errors import ConfigurationError

NOW = datetime(2026, 11, 3, tzinfo=UTC)
TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
LOCKED = WebSettings(token=TOKEN, session_s=3600)


def browser(authenticator: Authenticator, name: str | None = None) -> BrowserSession:
    cookies = {} if name is None else {BROWSER_COOKIE: name}
    return authenticator.browser_of(cookies, secure=False)


def test_a_new_browser_gets_a_name_and_is_nobody() -> None:
    found = browser(Authenticator(LOCKED))
    assert found.fresh
    assert found.operator is None


def test_a_browser_is_known_again_and_a_name_that_was_made_up_is_not() -> None:
    authenticator = Authenticator(LOCKED)
    first = browser(authenticator)
    again = browser(authenticator, first.name)
    assert not again.fresh
    assert again.csrf_token == first.csrf_token
    assert browser(authenticator, "made.up").fresh
    assert browser(Authenticator(WebSettings(token=TOKEN)), first.name).fresh


def test_over_tls_only_cookies_that_no_other_host_can_set_count() -> None:
    authenticator = Authenticator(LOCKED)
    name = browser(authenticator).name
    assert authenticator.browser_of({BROWSER_COOKIE: name}, secure=True).fresh
    cookies = {f"__Host-{BROWSER_COOKIE}": name}
    assert not authenticator.browser_of(cookies, secure=True).fresh
    assert authenticator.browser_of(cookies, secure=False).fresh


def test_only_a_proof_of_the_same_browser_is_right() -> None:
    authenticator = Authenticator(LOCKED)
    first, second = (browser(authenticator, browser(authenticator).name) for _ in range(2))
    assert authenticator.csrf_token_is_right(first, first.csrf_token)
    assert not authenticator.csrf_token_is_right(first, second.csrf_token)
    assert not authenticator.csrf_token_is_right(first, "")


def test_the_token_is_compared_whole() -> None:
    authenticator = Authenticator(LOCKED)
    assert authenticator.token_is_right(TOKEN)
    assert not authenticator.token_is_right(TOKEN[:-1])
    assert not Authenticator(WebSettings()).token_is_right("")


def test_an_open_door_is_for_this_machine_only() -> None:
    with pytest.raises(ConfigurationError, match="anyone could use"):
        WebSettings(host="0.0.0.0")  # noqa: S104 - what must be refused
    with pytest.raises(ConfigurationError, match="at least 32"):
        WebSettings(token="short")  # noqa: S106 - what must be refused
    assert WebSettings().serves("127.0.0.1")
    assert not WebSettings().serves("evil.example")
    assert WebSettings(host="0.0.0.0", token=TOKEN).serves("meters.example")  # noqa: S104 - with a token


def test_settings_do_not_show_their_secrets() -> None:
    assert TOKEN not in repr(LOCKED)
    assert "secret" not in repr(LOCKED)


@pytest.mark.parametrize("secret", [b"", b" " * 64, b"k" * 31, b"k" * 32])
def test_a_key_that_could_be_guessed_signs_nothing(secret: bytes) -> None:
    with pytest.raises(SecretRefusedError, match="openssl rand -hex 32"):
        WebSettings(secret=secret)


def test_a_random_key_may_begin_and_end_with_any_byte() -> None:
    assert WebSettings(secret=b"\n" + bytes(range(128, 158)) + b" ").open


def test_a_key_is_not_the_token() -> None:
    with pytest.raises(SecretRefusedError, match="is the same"):
        WebSettings(token=TOKEN, secret=TOKEN.encode())


@pytest.mark.parametrize("token", ["", "\t" * 64, "x" * 31 + " ", "x" * 32])
def test_a_token_that_could_be_guessed_is_refused(token: str) -> None:
    with pytest.raises(SecretRefusedError, match="operator's token"):
        WebSettings(token=token)
