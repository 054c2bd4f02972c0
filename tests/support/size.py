"""How often a long test repeats: less in `make test`, more in `make soak`, or as told.

`make soak` collects every test file that imports from here, wherever it lies, and no other.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SOAK = "METERLINE_SOAK"
QUICK = "METERLINE_QUICK"
# `make quick` asks for a tenth of what `make test` does.
QUICK_SHARE = 10
# On a machine that is busy with other things, what takes longer than this does not end.
HANGS_S = 20.0
_AT_ONCE = 100
_ASKS = re.compile(r"^from tests\.support\.size import ", re.MULTILINE)


def sized(variable: str, test: int, soak: int) -> int:
    """Return a count.

    Args:
        variable: Environment variable that sets it for one run.
        test: In `make test`; `make quick` takes a tenth of it.
        soak: In `make soak`.
    """
    named = os.environ.get(variable)
    if named is not None:
        return int(named)
    if os.environ.get(SOAK):
        return soak
    return -(-test // QUICK_SHARE) if os.environ.get(QUICK) else test


@contextmanager
def within(seconds: float, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Hold what is done to a time in `make soak`; in `make test` it only has to come to an end.

    Args:
        seconds: It may take, where nothing else uses the machine.
        clock: Which time counts.
    """
    began = clock()
    yield
    took = clock() - began
    limit = seconds if os.environ.get(SOAK) else max(seconds, HANGS_S)
    assert took < limit, f"took {took:.2f} s and may take {limit:g} s"


def timed_cases(count: int, seconds: float) -> Iterator[int]:
    """Count cases, and hold each hundred to the time that one of them may take.

    To ask for the time of the processor costs more than most cases do.

    Args:
        count: How many.
        seconds: Of the processor, where nothing else uses the machine.
    """
    for first in range(0, count, _AT_ONCE):
        with within(seconds, time.process_time):
            yield from range(first, min(first + _AT_ONCE, count))


def is_sized(file: Path) -> bool:
    """Whether a test file asks for a size, and so belongs to `make soak`."""
    return _ASKS.search(file.read_text(encoding="utf-8")) is not None
