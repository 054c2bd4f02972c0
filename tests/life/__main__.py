"""`python -m tests.life --seed 7 --months 26`: live one life, or one that was kept."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import structlog

from tests.life.draw import draw
from tests.life.events import Life
from tests.life.failed import Trials, keep_shortest
from tests.life.live import live
from tests.life.violation import LifeBrokenError
from tests.support.servers import (
    MIGRATED,
    fast_folder,
    fresh_database,
    postgres_servers,
    quick_server,
)


def main() -> int:
    """Live a life, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.life", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--months", type=int, default=26)
    parser.add_argument("--corrected", action="store_true", help="correct what was issued, too")
    parser.add_argument("--decided", action="store_true", help="decide days, count events, too")
    parser.add_argument("--kept", type=Path, help="a life that was kept as JSON")
    parser.add_argument("--server", type=int, default=0, help="which of the servers found")
    parser.add_argument("--trials", type=int, default=30, help="to shorten a life that fails")
    parser.add_argument("--show", action="store_true", help="print the events and live nothing")
    asked = parser.parse_args()
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet)
    life = draw(asked.seed, asked.months, corrected=asked.corrected, decided=asked.decided)
    if asked.kept is not None:
        life = Life.parse(asked.kept.read_text(encoding="utf-8"))
    if asked.show:
        sys.stdout.write(life.text())
        return 0
    return _live(life, asked.server, asked.trials)


def _live(life: Life, number: int, most: int) -> int:
    kind = postgres_servers()[number]
    with fast_folder() as home:
        server = quick_server(home, kind)
        with server, fresh_database(server, kind, MIGRATED) as database:
            began = time.monotonic()
            sys.stdout.write(f"seed {life.seed}, {len(life.events)} events, on {kind}\n")
            try:
                lived = asyncio.run(live(life, database.dsn, _Progress()))
            except LifeBrokenError as error:
                sys.stdout.write(f"\n{error}\nIt is being shortened ...\n")
                trials = Trials(server, kind, error.numbers)
                path = Path(tempfile.gettempdir()) / f"meterline-life-{life.seed}.json"
                asyncio.run(keep_shortest(life, error, trials, path, most))
                sys.stdout.write(f"Kept in {path}: --kept {path} lives it again.\n")
                return 1
    took = time.monotonic() - began
    parts = ", ".join(f"{name} {spent:.1f}" for name, spent in lived.seconds.most_common())
    sys.stdout.write(
        f"\nlived {took:.1f} s ({parts}), {lived.steps} steps, {lived.judged} bills judged\n"
        f"bills {dict(lived.bills)}\ncorrected {dict(lived.ways)}\n"
        f"events {dict(lived.met)}\nrefused {dict(lived.refusals)}\n"
    )
    return 0


class _Progress:
    """A mark for each month."""

    def __init__(self) -> None:
        self._month = ""

    def __call__(self, day: date) -> None:
        month = f"{day:%Y-%m}"
        if month != self._month:
            self._month = month
            sys.stdout.write(f" {month}")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
