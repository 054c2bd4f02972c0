"""Keep a life that failed: shortened while it still fails, as JSON."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from central.adapters.embedded.postgres import EmbeddedPostgres
from tests.life.events import Life
from tests.life.live import live
from tests.life.shrink import shrink
from tests.life.violation import LifeBrokenError
from tests.support.servers import MIGRATED, PostgresKind, fresh_database

KEPT = Path(__file__).with_name("kept")
"""Lives that failed once; each is lived by every run of the tests."""


class Trials:
    """Lives anew on a server, each on a fresh database."""

    def __init__(self, server: EmbeddedPostgres, kind: PostgresKind, numbers: list[int]) -> None:
        self._server = server
        self._kind = kind
        self._numbers = set(numbers)

    async def __call__(self, life: Life) -> date | None:
        """The day on which a life fails by one of the same invariants."""
        with fresh_database(self._server, self._kind, MIGRATED) as database:
            try:
                await live(life, database.dsn)
            except LifeBrokenError as error:
                return error.day if self._numbers & set(error.numbers) else None
            except Exception:  # noqa: BLE001 - what is left may be no life at all
                return None
        return None


async def keep_shortest(
    life: Life, error: LifeBrokenError, trials: Trials, path: Path, most: int
) -> Path:
    """Shorten a life that failed, and keep it.

    Args:
        life: It failed.
        error: How.
        trials: Where to try shorter ones.
        path: The file to write.
        most: Lives that are lived for it at most.
    """
    return (await shrink(life, error.day, trials, most)).keep(path)
