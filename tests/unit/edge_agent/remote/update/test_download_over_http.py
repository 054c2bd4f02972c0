"""What a web server answers, honest or not, and where a fetch goes on: without one."""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request
from email.message import Message
from http.client import IncompleteRead
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from edge_agent.remote.errors import (
    RemoteStateUnwritableError,
    UpdateContentError,
    UpdateFetchError,
    UpdateTooLargeError,
)
from edge_agent.remote.update.download import Fetcher, Spool, _StayOnScheme

CONTENT = bytes(range(256)) * 1_000
SHA256 = hashlib.sha256(CONTENT).digest()
URL = "https://updates.test/a"


class Answer(io.BytesIO):
    """An answer that may break off."""

    def __init__(self, body: bytes, status: int = 200, breaks_after: int | None = None) -> None:
        super().__init__(body)
        self.status = status
        self.left = breaks_after

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read1(self, size: int | None = -1, /) -> bytes:
        if self.left is not None:
            if self.left <= 0:
                raise IncompleteRead(b"")
            size = min(size or self.left, self.left)
            self.left -= size
        return super().read1(size)


class Web:
    """Gives the next answer to each request, and remembers what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[Answer | Exception] = []
        self.ranges: list[str | None] = []
        monkeypatch.setattr(urllib.request, "build_opener", lambda *_: self)

    def open(self, request: urllib.request.Request, timeout: float) -> Answer:
        assert timeout > 0
        self.ranges.append(request.get_header("Range"))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    return Web(monkeypatch)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", room_left=0)


def refused(code: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError(URL, code, "no", Message(), io.BytesIO())


def fetch(spool: Spool) -> None:
    Fetcher(spool).fetch(URL, SHA256, len(CONTENT))


def test_an_artefact_that_is_whole_is_not_fetched_again(web: Web, spool: Spool) -> None:
    web.answers = [Answer(CONTENT)]
    fetch(spool)
    fetch(spool)
    assert spool.path(SHA256).read_bytes() == CONTENT
    assert web.ranges == [None]


def test_a_fetch_goes_on_where_it_was_cut_off(web: Web, spool: Spool) -> None:
    web.answers = [Answer(CONTENT, breaks_after=100_000), Answer(CONTENT[100_000:], 206)]
    with pytest.raises(UpdateFetchError, match="after 100000 bytes"):
        fetch(spool)
    fetch(spool)
    assert web.ranges == [None, "bytes=100000-"]
    assert spool.path(SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("again", [Answer(CONTENT), refused(416)])
def test_a_server_without_ranges_is_read_from_the_beginning(
    web: Web, spool: Spool, again: Answer | Exception
) -> None:
    further = [] if isinstance(again, Answer) else [Answer(CONTENT)]
    web.answers = [Answer(CONTENT, breaks_after=1_000), again, *further]
    with pytest.raises(UpdateFetchError):
        fetch(spool)
    fetch(spool)
    assert spool.path(SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (refused(404), "404"),
        (OSError("no route"), "no route"),
        (ValueError("no address"), "no address"),
        (Answer(CONTENT[:-1]), f"ended after {len(CONTENT) - 1} of {len(CONTENT)} bytes"),
    ],
)
def test_what_cannot_be_fetched_now_is_tried_again(
    web: Web, spool: Spool, answer: Answer | Exception, match: str
) -> None:
    web.answers = [answer]
    with pytest.raises(UpdateFetchError, match=match):
        fetch(spool)


@pytest.mark.parametrize("body", [CONTENT + b"x", CONTENT[:-1] + b"x"])
def test_what_is_longer_or_other_than_signed_is_thrown_away(
    web: Web, spool: Spool, body: bytes
) -> None:
    web.answers = [Answer(body)]
    with pytest.raises(UpdateContentError):
        fetch(spool)
    assert not spool.partial(SHA256).exists()
    assert not spool.path(SHA256).exists()


def test_a_part_that_is_too_long_is_begun_anew(web: Web, spool: Spool) -> None:
    spool.prepare(SHA256, len(CONTENT))
    spool.partial(SHA256).write_bytes(CONTENT + b"more")
    web.answers = [Answer(CONTENT)]
    fetch(spool)
    assert web.ranges == [None]


def test_a_stop_keeps_the_part(web: Web, spool: Spool) -> None:
    web.answers = [Answer(CONTENT)]
    fetcher = Fetcher(spool)
    fetcher.cancelled.set()
    with pytest.raises(UpdateFetchError, match="The agent stops"):
        fetcher.fetch(URL, SHA256, len(CONTENT))
    assert spool.partial(SHA256).exists()


def test_a_disk_without_room_for_it_beside_the_readings_is_named(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", room_left=2**62)
    with pytest.raises(UpdateTooLargeError):
        fetch(spool)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RemoteStateUnwritableError):
        fetch(Spool(tmp_path / "file" / "spool"))


def test_what_is_no_longer_wanted_goes(spool: Spool) -> None:
    spool.keep_only(set())
    spool.prepare(SHA256, 1)
    other = bytes(32)
    for path in (spool.path(SHA256), spool.path(other), spool.partial(other)):
        path.write_bytes(b"x")
    spool.keep_only({SHA256})
    assert [file.name for file in spool.folder.iterdir()] == [SHA256.hex()]


@pytest.mark.parametrize(
    ("new", "follows"),
    [
        ("https://mirror.test/a", True),
        ("http://mirror.test/a", False),
        ("ftp://mirror.test/a", False),
    ],
)
def test_no_redirection_leads_to_a_lesser_scheme(new: str, follows: bool) -> None:  # noqa: FBT001
    request = urllib.request.Request(URL)
    arguments = (request, io.BytesIO(), 302, "Found", Message(), new)
    if follows:
        followed = _StayOnScheme().redirect_request(*arguments)
        assert followed is not None
        assert followed.full_url == new
    else:
        with pytest.raises(UpdateFetchError, match="another kind of address"):
            _StayOnScheme().redirect_request(*arguments)


def test_a_local_file_must_be_a_file(tmp_path: Path, spool: Spool) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UpdateFetchError):
            Fetcher(spool).fetch(path.as_uri(), SHA256, len(CONTENT))
