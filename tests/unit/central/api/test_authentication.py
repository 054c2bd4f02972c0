from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from central.api.authentication import SEAT_COOKIE, SESSION_COOKIE, Doorkeeper
from central.api.settings import WebSettings
from central.config.secret import SecretRefusedError
from firmware_bridge.contract.errors import ConfigurationError

NOW = datetime(2026, 11, 3, tzinfo=UTC)
TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
LOCKED = WebSettings(token=TOKEN, session_s=3600)


def test_a_new_browser_gets_a_seat_and_is_nobody() -> None:
    seat = Doorkeeper(LOCKED).seat({}, NOW)
    assert seat.fresh
    assert seat.operator is None


def test_a_seat_is_known_again_and_one_that_was_made_up_is_not() -> None:
    keeper = Doorkeeper(LOCKED)
    seat = keeper.seat({}, NOW)
    again = keeper.seat({SEAT_COOKIE: seat.name}, NOW)
    assert not again.fresh
    assert again.proof == seat.proof
    assert keeper.seat({SEAT_COOKIE: "made.up"}, NOW).fresh
    assert Doorkeeper(WebSettings(token=TOKEN)).seat({SEAT_COOKIE: seat.name}, NOW).fresh


def test_a_session_is_good_in_its_browser_until_it_ends() -> None:
    keeper = Doorkeeper(LOCKED)
    seat = keeper.seat({}, NOW)
    session = keeper.open_session(seat, NOW)
    cookies = {SEAT_COOKIE: seat.name, SESSION_COOKIE: session}
    assert keeper.seat(cookies, NOW).operator == "operator"
    assert keeper.seat(cookies, NOW + timedelta(hours=1)).operator is None
    other = keeper.seat({}, NOW)
    assert keeper.seat({**cookies, SEAT_COOKIE: other.name}, NOW).operator is None


@pytest.mark.parametrize("cookie", ["", ".", "9999999999", "9999999999.00", "x.y", "1" * 5000])
def test_a_session_that_was_made_up_is_refused(cookie: str) -> None:
    keeper = Doorkeeper(LOCKED)
    assert not keeper.session_is_right(cookie, keeper.seat({}, NOW).name, NOW)


def test_only_a_proof_of_the_same_seat_is_right() -> None:
    keeper = Doorkeeper(LOCKED)
    first = keeper.seat({SEAT_COOKIE: keeper.seat({}, NOW).name}, NOW)
    second = keeper.seat({SEAT_COOKIE: keeper.seat({}, NOW).name}, NOW)
    assert keeper.proof_is_right(first, first.proof)
    assert not keeper.proof_is_right(first, second.proof)
    assert not keeper.proof_is_right(first, "")


def test_the_token_is_compared_whole() -> None:
    keeper = Doorkeeper(LOCKED)
    assert keeper.token_is_right(TOKEN)
    assert not keeper.token_is_right(TOKEN[:-1])
    assert not Doorkeeper(WebSettings()).token_is_right("")


def test_an_open_door_is_for_this_machine_only() -> None:
    with pytest.raises(ConfigurationError, match="admit anyone"):
        WebSettings(host="0.0.0.0")  # noqa: S104 - what must be refused
    with pytest.raises(ConfigurationError, match="at least 32"):
        WebSettings(token="short")  # noqa: S106 - what must be refused
    assert WebSettings().serves("127.0.0.1")
    assert not WebSettings().serves("evil.example")
    assert WebSettings(host="0.0.0.0", token=TOKEN).serves("meters.example")  # noqa: S104 - with a token


def test_settings_do_not_show_their_secrets() -> None:
    assert TOKEN not in repr(LOCKED)
    assert "secret" not in repr(LOCKED)


@pytest.mark.parametrize("secret", [b"", b" " * 64, b"k" * 31])
def test_a_key_that_could_be_guessed_signs_nothing(secret: bytes) -> None:
    with pytest.raises(SecretRefusedError, match="openssl rand -hex 32"):
        WebSettings(secret=secret)


def test_a_random_key_may_begin_and_end_with_any_byte() -> None:
    assert WebSettings(secret=b"\n" + b"k" * 30 + b" ").open


@pytest.mark.parametrize("token", ["", "\t" * 64, "x" * 31 + " "])
def test_a_token_that_could_be_guessed_is_refused(token: str) -> None:
    with pytest.raises(SecretRefusedError, match="operator's token"):
        WebSettings(token=token)
