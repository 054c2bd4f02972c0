"""Openings of claim chains in memory."""

from __future__ import annotations

from dataclasses import replace

from central.domain.billing.cutover_opening import CutoverOpening
from tests.support.memory.books import BookState


class CutoverTables:
    """`CutoverTransaction` over dictionaries."""

    def __init__(self, state: BookState) -> None:
        self._state = state

    async def opening(self, occupancy: int) -> CutoverOpening | None:
        return self._state.openings.get(occupancy)

    async def save_opening(self, occupancy: int, opening: CutoverOpening | None) -> None:
        self._state.openings.pop(occupancy, None)
        if opening is not None:
            self._state.openings[occupancy] = opening
        state = None if opening is None else opening.state
        for key, claim in self._state.claims.items():
            if key[0] == occupancy and claim.first is None:
                self._state.claims[key] = replace(claim, opening=state)

    async def last_number(self, series: str) -> int:
        return self._state.numbers.get(series, 0)

    async def save_number(self, series: str, last: int) -> None:
        self._state.numbers[series] = last
