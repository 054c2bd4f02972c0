"""A file is replaced whole, in the order that a power cut cannot break; it is done in one place."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from firmware_bridge.durable_file import write_durably, write_new_durably
from firmware_bridge.pulse.count_file import load_count, store_count

ROOT = Path(__file__).parents[3]

# What is no small file: an artefact of megabytes goes to its part as it arrives; anchors are only
# ever added to their file.
SYNCS_ITSELF = {
    "central/adapters/anchor_file.py",
    "edge_agent/remote/update/download.py",
    "firmware_bridge/durable_file.py",
}


def test_the_data_is_synced_before_its_name_and_the_name_before_we_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        order.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def replaced(draft: Path, target: Path) -> Path:
        order.append("rename")
        return replace(draft, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_durably(tmp_path / "state", b"x")
    assert order == ["fsync state.new", "rename", f"fsync {tmp_path.name}"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_content_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_durably(tmp_path / "state", b"old")

    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        owner: object = os if step == "fsync" else Path
        patched.setattr(owner, step, fail)
        with pytest.raises(OSError, match="No space"):
            write_durably(tmp_path / "state", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"state": b"old"}


def test_others_read_a_file_only_if_its_mode_says_so(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        write_durably(tmp_path / "secret", b"x")
        write_durably(tmp_path / "public", b"x", mode=0o666)
    finally:
        os.umask(mask)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"secret": 0o600, "public": 0o644}


def test_two_counters_whose_names_differ_by_their_ending_share_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts: list[str] = []
    replace = Path.replace

    def replaced(draft: Path, target: Path) -> Path:
        drafts.append(draft.name)
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", replaced)
    for number in (1, 2):
        store_count(tmp_path / f"counter.{number}", number)
    assert len(set(drafts)) == 2
    assert [load_count(tmp_path / f"counter.{number}") for number in (1, 2)] == [1, 2]


def test_no_other_module_writes_durably_by_itself() -> None:
    command = ["git", "grep", "-l", "fsync(", "--", "central", "edge_agent", "firmware_bridge"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(found.split()) == SYNCS_ITSELF


def test_a_new_file_is_whole_or_absent_and_never_takes_the_place_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    write_new_durably(path, b"first")
    with pytest.raises(FileExistsError):
        write_new_durably(path, b"second")
    assert path.read_bytes() == b"first"
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="No space"):
        write_new_durably(tmp_path / "other", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def _full(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
