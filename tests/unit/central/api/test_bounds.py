from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.types import Message

from central.api.bounds import BOUNDS, KIB, MIB, bounded, most_for, refuse_declared
from central.api.problems import BodyTooLargeError, problem_of


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/tariffs", 4 * MIB),
        ("/api/v1/accounts", 64 * KIB),
        ("/sign-in", 4 * KIB),
        ("/anything/else", 64 * KIB),
        ("", 0),
    ],
)
def test_every_path_has_a_bound(path: str, most: int) -> None:
    assert most_for(path) == most


def test_the_first_that_fits_is_the_narrowest() -> None:
    for place, bound in enumerate(BOUNDS):
        assert not any(bound.prefix.startswith(other.prefix) for other in BOUNDS[:place])


async def taken(most: int, *pieces: bytes) -> bytes:
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]

    async def receive() -> Message:
        return waiting.pop(0)

    channel = bounded(receive, most)
    return b"".join([(await channel())["body"] for _ in pieces])


async def test_a_body_of_the_largest_size_is_whole() -> None:
    assert await taken(5, b"abc", b"", b"de") == b"abcde"


async def test_one_byte_more_is_too_large_however_it_is_cut() -> None:
    for pieces in ([b"abcdef"], [b"abcde", b"f"], [b"a"] * 6):
        with pytest.raises(BodyTooLargeError, match="exceeds the limit of 5 bytes") as refused:
            await taken(5, *pieces)
    assert problem_of(refused.value).status == 413


@pytest.mark.parametrize("declared", ["4097", "9" * 40])
def test_a_length_beyond_the_bound_is_refused_unread(declared: str) -> None:
    def asked(length: str) -> Request:
        lines = [(b"content-length", length.encode())]
        return Request({"type": "http", "path": "/sign-in", "headers": lines})

    with pytest.raises(BodyTooLargeError):
        refuse_declared(asked(declared))
    refuse_declared(asked("4096"))
