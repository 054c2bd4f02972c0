"""Faults of what people decide of days, and of what is counted without a meter; short lives."""

from __future__ import annotations

from tests.life.events import Event
from tests.life.fault import Fault, at, bills
from tests.life.utility import CHIEF, CLERK, FIRST, MADRID, moves_in

DECIDED_WRONGLY = (
    Fault(
        "an edit that readings undo",
        0,
        1,
        (
            at(0, 20, "edit", point="SP-1", ago=3, number=9, more=250),
            at(0, 22, "conflict", point="SP-1", back=5 * 24, more=1),
            at(0, 22, "decide", point="SP-1", choice="replace"),
            # Until somebody answers for it, the bill is held.
            at(1, 6, "settle", point="SP-1"),
            *bills(1, 6, "2026-09"),
        ),
        (0,),
    ),
    Fault(
        "an event that comes after the draft",
        5,
        1,
        (
            Event(FIRST, "subscribe", {"name": "SUB-1", "zone": MADRID}),
            *moves_in(FIRST, "E-1", "SUB-1", "CALLS", FIRST),
            at(0, 10, "belongs", subject="acme", point="SUB-1", first=FIRST.isoformat()),
            at(0, 10, "happens", name="a", subject="acme", ago=700, value="12.5"),
            at(1, 3, "run", cycle="2026-09", by=CLERK),
            at(1, 4, "happens", name="b", subject="acme", ago=9000, value="700"),
            at(1, 4, "approve", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
)
