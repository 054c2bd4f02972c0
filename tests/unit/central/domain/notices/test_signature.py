"""Webhooks are signed as Standard Webhooks says; the example is that of its reference libraries."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from central.domain.notices.signature import key_of, secret_text, signature, signed_headers
from firmware_bridge.contract.errors import InvalidValueError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the example
BODY = b'{"test": 2432232314}'
EXAMPLE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
MESSAGE, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330


def test_the_worked_example_has_its_signature() -> None:
    assert signature(SECRET, MESSAGE, AT, BODY) == EXAMPLE


def test_what_is_signed_is_identifier_time_and_body() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"{MESSAGE}.{AT}.".encode() + BODY, hashlib.sha256).digest()
    assert signature(SECRET, MESSAGE, AT, BODY) == "v1," + base64.b64encode(digest).decode()
    others = (("other", AT, BODY), (MESSAGE, AT + 1, BODY), (MESSAGE, AT, BODY + b" "))
    for other in others:
        assert signature(SECRET, *other) != signature(SECRET, MESSAGE, AT, BODY)


def test_each_secret_signs_while_they_are_exchanged() -> None:
    new = secret_text(bytes(range(32)))
    headers = signed_headers([new, SECRET], MESSAGE, AT, BODY)
    assert headers["webhook-id"] == MESSAGE
    assert headers["webhook-timestamp"] == str(AT)
    signatures = [signature(secret, MESSAGE, AT, BODY) for secret in (new, SECRET)]
    assert headers["webhook-signature"].split(" ") == signatures


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!", SECRET[6:], secret_text(bytes(23))])
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidValueError, match="24 to 64"):
        key_of(secret)
