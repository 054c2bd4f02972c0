"""Artefacts from a real web server: resumed, bounded, and nothing but what was signed."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.remote.errors import (
    RemoteStateUnwritableError,
    UpdateContentError,
    UpdateFetchError,
    UpdateTooLargeError,
)
from edge_agent.remote.update.download import Fetcher, Spool
from tests.support.artefact_server import ArtefactServer, artefact_server
from tests.support.size import within

CONTENT = bytes(range(256)) * 1_000
SHA256 = hashlib.sha256(CONTENT).digest()


def fetcher(folder: Path, room_left: int = 0) -> tuple[Fetcher, Spool]:
    spool = Spool(folder / "spool", room_left)
    return Fetcher(spool), spool


def test_an_artefact_comes_whole(tmp_path: Path) -> None:
    one, spool = fetcher(tmp_path)
    with artefact_server(files={"/a": CONTENT}) as place:
        one.fetch(place.url("/a"), SHA256, len(CONTENT))
        assert spool.path(SHA256).read_bytes() == CONTENT
        assert [file.name for file in spool.folder.iterdir()] == [SHA256.hex()]
        one.fetch(place.url("/a"), SHA256, len(CONTENT))
        assert place.asked == ["/a"]


@pytest.mark.parametrize("ranges", [True, False], ids=["a server that resumes", "one that cannot"])
def test_what_was_cut_off_goes_on(tmp_path: Path, *, ranges: bool) -> None:
    one, spool = fetcher(tmp_path)
    with artefact_server(files={"/a": CONTENT}, cut_after=100_000, ranges=ranges) as place:
        with pytest.raises(UpdateFetchError):
            one.fetch(place.url("/a"), SHA256, len(CONTENT))
        have = spool.partial(SHA256).stat().st_size
        assert 0 < have <= 100_000
        if ranges:
            for _ in range(2):
                try:
                    one.fetch(place.url("/a"), SHA256, len(CONTENT))
                except UpdateFetchError:
                    continue
            assert place.asked[1] == f"/a bytes={have}-"
        else:
            place.cut_after = None
            one.fetch(place.url("/a"), SHA256, len(CONTENT))
        assert spool.path(SHA256).read_bytes() == CONTENT


def test_a_part_that_is_not_its_beginning_is_thrown_away(tmp_path: Path) -> None:
    one, spool = fetcher(tmp_path)
    with artefact_server(files={"/a": CONTENT}) as place:
        spool.prepare(SHA256, len(CONTENT))
        spool.partial(SHA256).write_bytes(b"something else")
        with pytest.raises(UpdateContentError):
            one.fetch(place.url("/a"), SHA256, len(CONTENT))
        assert not list(spool.folder.iterdir())
        one.fetch(place.url("/a"), SHA256, len(CONTENT))
        spool.partial(SHA256).write_bytes(CONTENT * 2)
        spool.path(SHA256).unlink()
        one.fetch(place.url("/a"), SHA256, len(CONTENT))


def longer(place: ArtefactServer) -> str:
    place.files["/a"] = CONTENT + b"x"
    return place.url("/a")


def endless(place: ArtefactServer) -> str:
    place.files["/a"] = CONTENT * 100
    return place.url("/a")


def another(place: ArtefactServer) -> str:
    place.files["/a"] = CONTENT[:-1] + b"x"
    return place.url("/a")


def shorter(place: ArtefactServer) -> str:
    place.files["/a"] = CONTENT[:-1]
    return place.url("/a")


def nothing(place: ArtefactServer) -> str:
    return place.url("/none")


def nowhere(_place: ArtefactServer) -> str:
    return "http://127.0.0.1:1/a"


def to_a_file(place: ArtefactServer) -> str:
    place.leads["/a"] = "file:///etc/passwd"
    return place.url("/a")


def in_a_circle(place: ArtefactServer) -> str:
    place.leads["/a"] = place.url("/a")
    return place.url("/a")


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (longer, UpdateContentError),
        (endless, UpdateContentError),
        (another, UpdateContentError),
        (shorter, UpdateFetchError),
        (nothing, UpdateFetchError),
        (nowhere, UpdateFetchError),
        (to_a_file, UpdateFetchError),
        (in_a_circle, UpdateFetchError),
    ],
)
def test_a_bad_server_is_refused_by_name(
    tmp_path: Path, prepare: Callable[[ArtefactServer], str], error: type[Exception]
) -> None:
    one, spool = fetcher(tmp_path)
    with artefact_server() as place, pytest.raises(error):
        one.fetch(prepare(place), SHA256, len(CONTENT))
    assert not spool.path(SHA256).exists()
    assert all(file.stat().st_size <= len(CONTENT) + 1 for file in spool.folder.iterdir())


def test_a_server_that_drips_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    one, _ = fetcher(tmp_path)
    with artefact_server(files={"/a": CONTENT}, drip_s=0.02) as place:
        threading.Timer(0.2, one.cancelled.set).start()
        with within(5), pytest.raises(UpdateFetchError, match="stops"):
            one.fetch(place.url("/a"), SHA256, len(CONTENT))


def test_a_file_is_an_address_too_and_a_pipe_is_none(tmp_path: Path) -> None:
    one, spool = fetcher(tmp_path)
    source = tmp_path / "a file"
    source.write_bytes(CONTENT)
    one.fetch(f"file://{tmp_path}/a%20file", SHA256, len(CONTENT))
    assert spool.is_whole(SHA256, len(CONTENT))
    spool.keep_only(set())
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "none", ""):
        with pytest.raises(UpdateFetchError):
            one.fetch(f"file://{tmp_path}/{name}", SHA256, len(CONTENT))


def test_readings_keep_their_room(tmp_path: Path) -> None:
    one, _ = fetcher(tmp_path, room_left=2**60)
    with pytest.raises(UpdateTooLargeError):
        one.fetch("file:///none", SHA256, len(CONTENT))


def test_a_spool_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"")
    one, _ = fetcher(tmp_path)
    with pytest.raises(RemoteStateUnwritableError):
        one.fetch("file:///none", SHA256, len(CONTENT))
