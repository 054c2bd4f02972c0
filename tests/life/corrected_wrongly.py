"""Faults of what is corrected after it was issued, each as a short life."""

from __future__ import annotations

from tests.life.events import Event
from tests.life.fault import Fault, at
from tests.life.utility import PLANS

_DEARER = {**PLANS["HOME"], "peak": "0.45", "plan": "HOME", "effective": "2026-09-15"}
_CHEAPER = {**_DEARER, "peak": "0.21", "reason": "not so dear"}


def _adjusted(month: int, day: int = 10, way: str = "adjust") -> Event:
    return at(month, day, "correct", way=way, nth=0)


CORRECTED_WRONGLY = (
    Fault(
        "a difference that is counted twice",
        0,
        3,
        (
            at(1, 10, "tariff", **_DEARER),
            _adjusted(1),
            at(2, 10, "tariff", **_CHEAPER),
            _adjusted(2),
        ),
        (0, 1, 2),
    ),
    Fault(
        "an adjustment that two bills carry",
        0,
        3,
        (at(1, 10, "tariff", **_DEARER), _adjusted(1)),
        (0, 1, 2),
    ),
    Fault(
        "an adjustment that no bill carries",
        0,
        2,
        (at(1, 10, "tariff", **_DEARER), _adjusted(1)),
        (0, 1),
    ),
    Fault(
        "a tail that stops too early",
        4,
        3,
        (
            # An hour before ten o'clock and one behind it are estimated alike.
            at(0, 10, "lost", point="SP-4", hours=20, count=1),
            at(2, 10, "read_out", point="SP-4"),
            _adjusted(2),
        ),
        (0, 1),
    ),
    Fault(
        "what was left that comes back",
        6,
        1,
        (at(1, 8, "tariff", **_DEARER), _adjusted(1, 8, "leave")),
        (0,),
    ),
    Fault(
        "a correction that says nothing of what is another",
        6,
        2,
        (at(1, 10, "tariff", **_DEARER), _adjusted(1)),
        (0,),
    ),
)
