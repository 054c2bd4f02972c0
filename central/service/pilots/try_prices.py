"""Try prices on real use: what somebody, a group or all of a tariff would have paid.

Bills are compared as pilots compare them; nothing is written, billed or claimed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.pilot import PilotRow, PilotSide
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.version import TariffVersion
from central.service.pilots.inputs import tariffs_of, with_blocks
from central.service.pilots.rate_members import MemberComparison, compare_member, months_of
from central.service.ports.pilots import PilotScope, PilotStore
from firmware_bridge.contract.errors import InvalidValueError

TRIED = "(tried)"
"""What tried prices are called where tariffs are named; no tariff can be called so."""
_BILLS_MOST = 300
_MONTHS_MOST = 13


@dataclass(frozen=True, slots=True, eq=False)
class TriedPrices:
    """What came of it.

    Args:
        days: On which use was looked at.
        comparisons: One for each agreement, by account and point.
        agreements: How many there are; where fewer are compared, they are a fixed sample.
    """

    days: DayRange
    comparisons: tuple[MemberComparison, ...]
    agreements: int

    @property
    def rows(self) -> tuple[PilotRow, ...]:
        """The agreements, each in one row."""
        return tuple(each.row for each in self.comparisons)


class TryPrices:
    """The use-case.

    Args:
        store: What pilots read.
    """

    def __init__(self, store: PilotStore) -> None:
        self._store = store

    async def __call__(
        self, document: TariffDocument, scope: PilotScope, days: DayRange
    ) -> TriedPrices:
        """Rate what a scope used under the tariffs agreed, and under a document.

        Args:
            document: What is tried; it counts on all days, whenever it is in force.
            scope: Whose use.
            days: Whole months.

        Raises:
            InvalidValueError: There are no months, or too many.
        """
        months = len(months_of(days))
        if not 0 < months <= _MONTHS_MOST:
            message = f"Prices are tried on 1 to {_MONTHS_MOST} months, and not on {months}."
            raise InvalidValueError(message, value=months, remedy="Choose fewer months.")
        tried = {TRIED: TariffVersion.of(replace(document, effective=date.min))}
        most = max(1, _BILLS_MOST // months)
        async with self._store.transaction() as work:
            chosen = await work.members(PilotSide.PILOT, scope, days, most)
            names = {member.tariff for member in chosen.members}
            tariffs = await tariffs_of(work, names, days, tried)
            comparisons = []
            async for member, blocks in with_blocks(work, chosen.members, tariffs, days):
                comparison = compare_member(member, (member.tariff, TRIED), tariffs, blocks)
                comparisons.append(comparison)
                # Others are served between two agreements.
                await asyncio.sleep(0)
        return TriedPrices(days, tuple(comparisons), chosen.agreements)


def months_between(first: date, last: date) -> DayRange:
    """The days of whole months.

    Args:
        first: A day of the first.
        last: A day of the last.
    """
    end = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    return DayRange(first.replace(day=1), end)


def named_scope(account: str, group: str, tariff: str) -> PilotScope:
    """Whose use is meant; one of the three is named.

    Raises:
        InvalidValueError: None is, or several are.
    """
    names = [name for name in (account, group, tariff) if name]
    if len(names) != 1:
        message = (
            f"Prices are tried on an account, a group or a tariff, and {len(names)} are named."
        )
        raise InvalidValueError(message, value=names, remedy="Name one of them.")
    return PilotScope(group or None, account or None, tariff or None)


def unlike(rows: Sequence[PilotRow]) -> list[str]:
    """Why agreements could not be compared: the codes, each once."""
    return sorted({code for row in rows for code in row.held})
