"""A demo goes on with the same play only."""

from __future__ import annotations

from pathlib import Path

import pytest

from central.demo.diary import DIARY, Play, content_of, forget, read_diary, write_diary
from central.domain.billing.cycle import Cycle

PLAY = Play(Cycle(2026, 10), content_of(18, "tariff", None))


def test_what_was_played_is_read_again_until_it_is_forgotten(tmp_path: Path) -> None:
    assert read_diary(tmp_path) is None
    write_diary(tmp_path, PLAY)
    assert read_diary(tmp_path) == PLAY
    forget(tmp_path)
    forget(tmp_path)
    assert read_diary(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"opened": "2026-13"}', '{"opened": 7, "content": "x"}']
)
def test_a_diary_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / DIARY).write_text(text)
    assert read_diary(tmp_path) is None


def test_another_database_tariff_or_load_is_another_play() -> None:
    contents = {
        content_of(18, "tariff", None),
        content_of(19, "tariff", None),
        content_of(18, "other", None),
        content_of(18, "tariff", ""),
    }
    assert len(contents) == 4
