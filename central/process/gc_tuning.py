"""Tune the garbage collector of a process that makes thousands of bills."""

from __future__ import annotations

import gc

_YOUNG = 50_000


def tune_gc() -> None:
    """Look for cycles seldom, and never again among what is there now.

    A shard makes some ten thousand objects without a single cycle; looking through all of them
    again and again takes a quarter of a bill run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 100)
