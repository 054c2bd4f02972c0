"""Every field of every message, spoilt: what comes is refused by name or can be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from uuid import UUID

import pytest

from firmware_bridge.contract import codec
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.errors import BadTextError, MessageError
from firmware_bridge.contract.messages import (
    decode_hello,
    decode_status,
    encode_hello,
    encode_status,
)
from firmware_bridge.contract.plain_text import flaw, plain
from tests.support.hostile import (
    BAD_TEXTS,
    bad_batches,
    bad_hellos,
    bad_statuses,
    good_batch,
    good_hello,
    good_status,
    good_void,
)

GATEWAY = "gw1"
LONGEST = 400
BIGINT = range(-(2**63), 2**63)


def decode_batch(payload: bytes) -> object:
    return open_batch(GATEWAY, payload)


KINDS: dict[str, tuple[Callable[[bytes], object], Callable[..., dict[str, bytes]]]] = {
    "status": (decode_status, bad_statuses),
    "hello": (decode_hello, bad_hellos),
    "batch": (decode_batch, lambda **which: bad_batches(GATEWAY, **which)),
}


def _values(value: object) -> list[object]:
    if is_dataclass(value):
        return [leaf for f in fields(value) for leaf in _values(getattr(value, f.name))]
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in _values(each)]
    return [value]


def test_the_good_ones_are_read() -> None:
    assert decode_status(encode_status(good_status())) == good_status()
    assert decode_hello(encode_hello(good_hello())) == good_hello()
    for good in (good_batch, good_void):
        open_batch(GATEWAY, good(GATEWAY, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_bad_text_is_refused_in_every_field_of_every_message(kind: str) -> None:
    decode, bad = KINDS[kind]
    messages = bad(texts=True, numbers=False)
    assert len(messages) > 2 * len(BAD_TEXTS)
    for name, payload in messages.items():
        with pytest.raises(MessageError) as refusal:
            decode(payload)
        assert flaw(str(refusal.value)) is None, name
        assert len(str(refusal.value)) < LONGEST, name


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_is_refused_or_fits_the_column(kind: str) -> None:
    decode, bad = KINDS[kind]
    refusals = []
    messages = bad(texts=False, numbers=True)
    for name, payload in messages.items():
        try:
            read = decode(payload)
        except MessageError as refusal:
            refusals.append(str(refusal))
        else:
            numbers = [value for value in _values(read) if isinstance(value, int)]
            assert all(int(number) in BIGINT for number in numbers), name
    assert len(refusals) > len(messages) / 2
    assert not [said for said in refusals if flaw(said) is not None or len(said) >= LONGEST]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"v":1,"state":"online","agent":"\\ud800"}',
        b'{"v":1,"state":"online","agent":"a\\u0000"}',
        b'{"v":1,"state":"online","agent":"a\\u001b[2J"}',
    ],
)
def test_a_status_with_bad_text_says_so(payload: bytes) -> None:
    with pytest.raises(BadTextError, match="agent holds"):
        decode_status(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"v":1,"state":[],"agent":"x"}',
        b'{"v":1,"state":"online","state":"offline","agent":"x"}',
        b'{"v":1,"state":"online","agent":"x","since":"0001-01-01T00:00:00+14:00"}',
        b'{"v":1,"state":"online","agent":"x","backlog":1' + b"0" * 5_000 + b"}",
        b'{"v":Infinity,"state":"online","agent":"x"}',
        b"[" * 30_000,
        b"\xff\xfe\x00\xd8",
    ],
)
def test_a_status_that_no_gateway_makes_is_refused_by_name(payload: bytes) -> None:
    with pytest.raises(MessageError):
        decode_status(payload)


def test_a_document_may_have_lines_and_nothing_worse() -> None:
    assert codec.text("toml", "a\n\tb\r\n", 10, lines=True) == "a\n\tb\r\n"
    with pytest.raises(BadTextError, match="NUL"):
        codec.text("toml", "a\0", 10, lines=True)


@pytest.mark.parametrize("bad", BAD_TEXTS.values(), ids=list(BAD_TEXTS))
def test_what_cannot_be_kept_is_written_in_words_that_can(bad: str) -> None:
    assert flaw(bad) is not None
    assert flaw(plain(bad, 100)) is None
    assert "\\" in plain(bad, 100)


def test_a_long_sentence_ends() -> None:
    assert plain("x" * 300, 100) == "x" * 97 + "..."
    assert plain(str(UUID(int=1)), 100) == str(UUID(int=1))
