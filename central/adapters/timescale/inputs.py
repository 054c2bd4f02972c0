"""What changes of the inputs of bills: noted while a transaction runs, and raised at its end.

A bill's part keeps the revisions that it was rated with. Whoever changes an input raises its
revision in the same transaction, and whoever approves locks the rows and compares; so the two
exclude each other. The rows are taken last and in one order, so that nobody waits in a ring and
nobody waits long.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries

_SQL = load_queries(Path(__file__).with_name("inputs.sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


@dataclass(slots=True)
class ChangedInputs:
    """The inputs that a transaction has changed.

    Args:
        points: Names of service points.
        channels: Keys of channels of points; their points have changed.
        accounts: Numbers.
        tariffs: Names.
        series: Names.
        settings: Whether what is the same for all bills has changed.
    """

    points: set[str] = field(default_factory=set)
    channels: set[int] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    tariffs: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    settings: bool = False

    async def raise_in(self, connection: _Connection) -> None:
        """Raise their revisions, as the last thing that a transaction does."""
        if self.points or self.channels:
            values = {"names": sorted(self.points), "channels": sorted(self.channels)}
            await connection.execute(_SQL["points"], values)
        for table in ("accounts", "tariffs", "series"):
            names = sorted(getattr(self, table))
            if names:
                await connection.execute(_SQL[table], {"names": names})
        if self.settings:
            await connection.execute(_SQL["settings"])


async def hold_inputs(
    connection: _Connection,
    points: Collection[str],
    accounts: Collection[str],
    tariffs: Collection[str] = (),
    *,
    settings: bool = False,
) -> None:
    """Take what will be changed on the way, in the order of kinds and keys.

    Whoever approves takes them in that order too, and bills after them: so they come before any
    bill that a transaction discards.

    Args:
        connection: At the beginning of a transaction.
        points: Names; one that is not there is no matter.
        accounts: Numbers; likewise.
        tariffs: Names; likewise.
        settings: Whether what is the same for all bills will be changed.
    """
    await connection.execute(_SQL["hold_points"], {"names": sorted(points)})
    await connection.execute(_SQL["hold_accounts"], {"names": sorted(accounts)})
    if tariffs:
        await connection.execute(_SQL["hold_tariffs"], {"names": sorted(tariffs)})
    if settings:
        await connection.execute(_SQL["hold_settings"])


async def points_of_device(connection: _Connection, channel_id: int, at: object) -> set[str]:
    """The points at which a meter's channel counted at an instant."""
    values = {"channel_id": channel_id, "at": at}
    cursor = await connection.execute(_SQL["points_of_device"], values)
    return {row[0] for row in await cursor.fetchall()}
