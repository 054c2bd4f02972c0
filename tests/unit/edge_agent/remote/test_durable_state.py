"""A power cut at any moment leaves what was saved last, or the one before."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

import pytest

from edge_agent.remote.errors import RemoteStateDamagedError, RemoteStateUnwritableError
from edge_agent.remote.state_file import StateFile

OLD, NEW = {"floor": 6, "good": b"a" * 300}, {"floor": 7, "good": b"b" * 300}


def bytes_of(folder: Path, fields: dict[str, object]) -> bytes:
    StateFile(folder / "made").save(fields)
    return (folder / "made").read_bytes()


def test_nothing_was_saved_yet(tmp_path: Path) -> None:
    assert StateFile(tmp_path / "state").load() is None


def test_a_cut_between_any_two_steps_leaves_one_of_both(tmp_path: Path) -> None:
    """A rename is whole or not at all; the draft beside it may hold anything."""
    old, new = bytes_of(tmp_path, OLD), bytes_of(tmp_path, NEW)
    steps = [(old, old), (new, old), (new, new)]
    for (first, second), draft in itertools.product(steps, [None, b"", new[:50], new]):
        file = StateFile(tmp_path / "state")
        (tmp_path / "state").write_bytes(first)
        (tmp_path / "state.copy").write_bytes(second)
        if draft is not None:
            (tmp_path / "state.new").write_bytes(draft)
        assert file.load() == (OLD if first == old else NEW)
        file.save(NEW)
        assert file.load() == NEW


@pytest.mark.parametrize("damaged", ["state", "state.copy"])
def test_damage_of_one_copy_costs_nothing(tmp_path: Path, damaged: str) -> None:
    file = StateFile(tmp_path / "state")
    file.save(OLD)
    whole = (tmp_path / damaged).read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / damaged).write_bytes(whole[:length])
        assert file.load() == OLD
    for bit in range(0, 8 * len(whole), 13):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / damaged).write_bytes(bytes(flipped))
        assert file.load() == OLD


def test_damage_of_both_is_said_and_not_taken_for_a_new_gateway(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state")
    file.save(OLD)
    for name in ("state", "state.copy"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(RemoteStateDamagedError):
        file.load()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = StateFile(tmp_path / "state")
    file.save(OLD)

    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        place: object = os if step == "fsync" else Path
        patched.setattr(place, step, fail)
        with pytest.raises(RemoteStateUnwritableError):
            file.save(NEW)
    assert file.load() == OLD
    assert {found.name for found in tmp_path.iterdir()} == {"state", "state.copy"}
