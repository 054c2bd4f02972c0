"""Which seeds of a long comparison agreed, kept in a file, so that a run that was ended goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_AGREED = re.compile(r"^(\d+);$", re.MULTILINE)


class AgreedSeeds:
    """Seeds that need not be drawn again.

    Args:
        path: The file, a seed and a semicolon a line; None keeps nothing. Whoever changes what is
            compared begins another file.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        text = path.read_text() if path is not None and path.exists() else ""
        # A line that a killed run left unfinished has no end, and says nothing.
        self._agreed = {int(seed) for seed in _AGREED.findall(text)}

    def left_of(self, seeds: Iterable[int]) -> Iterator[int]:
        """The seeds still to be drawn; each counts as agreed once the next is asked for."""
        for seed in seeds:
            if seed not in self._agreed:
                yield seed
                self._add(seed)

    def _add(self, seed: int) -> None:
        self._agreed.add(seed)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(f"\n{seed};")
