"""How a database is set up, on PostgreSQL; the statement is in `installation.sql`."""

from __future__ import annotations

from pathlib import Path

from central.adapters.timescale.named_query import Asker
from central.adapters.timescale.pool import Pool
from central.service.ports.installation import InstallationFacts


class TimescaleInstallation:
    """`InstallationStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def facts(self) -> InstallationFacts:
        """See `InstallationStore`."""
        row = await self._ask.row("facts", {})
        assert row is not None  # noqa: S101 - the statement gives one; tells the type checker
        return InstallationFacts(*row)
