"""A long comparison that was ended goes on where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.agreed_seeds import AgreedSeeds


def test_seeds_that_agreed_are_not_drawn_again(tmp_path: Path) -> None:
    path = tmp_path / "seeds"

    def draw(wrong: int) -> list[int]:
        drawn = []
        for seed in AgreedSeeds(path).left_of(range(5)):
            drawn.append(seed)
            if seed == wrong:
                raise ValueError(seed)
        return drawn

    with pytest.raises(ValueError, match="3"):
        draw(wrong=3)
    with path.open("a") as file:
        file.write("\n4")  # killed before the end of the line
    assert draw(wrong=9) == [3, 4]
    assert draw(wrong=9) == []


def test_without_a_file_all_are_drawn() -> None:
    assert list(AgreedSeeds(None).left_of([7, 8])) == [7, 8]
