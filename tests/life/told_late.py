"""Faults of what is told, changed or found after a bill was made, each as a short life."""

from __future__ import annotations

from tests.life.events import Event
from tests.life.fault import Fault, at, bills, leaves, on
from tests.life.truth import EXPORT, IMPORT
from tests.life.utility import CHIEF, CLERK, FIRST, PLANS

_NOTHING = {name: value for name, value in PLANS["SOLAR2"].items() if name != "takes_over"}
_SOLAR2 = {"plan": "SOLAR2", "effective": "2026-09-02", "reason": "as the contract says"}
_SOLAR = {"plan": "SOLAR", "effective": "2026-09-02", "reason": "as the contract says"}
_GRID = {"point": "SP-1", "service": "grid"}

TOLD_LATE = (
    Fault("an end told after the last bill", 3, 2, (leaves(1, 10, "SP-4", on(1, 1)),)),
    Fault(
        "a mistyped end that cuts a bill short",
        3,
        1,
        (
            leaves(0, 20, "SP-1", on(0, 21)),
            at(1, 4, "right_end", point="SP-1", end=on(0, 28).isoformat()),
            *bills(1, 6, "2026-09"),
        ),
        (0,),
    ),
    Fault(
        "two services that read a day in two versions",
        7,
        2,
        (
            Event(FIRST, "service", {"point": "SP-1", "name": "grid", "bills": [IMPORT]}),
            at(0, 10, "exchange", point="SP-1", serial="S1-2", hours=3, misread=3),
            at(1, 10, "reread", point="SP-1"),
            at(1, 12, "customer", account="G-1", name="Customer G-1"),
            at(1, 12, "agree", account="G-1", plan="GRID", first=FIRST.isoformat(), **_GRID),
            *bills(1, 16, "2026-09"),
        ),
        (0,),
    ),
    Fault(
        "a channel that came after the bill",
        7,
        2,
        # Behind the last night that would compare the bill with it.
        (at(1, 20, "channel", point="SP-1", obis=EXPORT),),
        (0,),
    ),
    Fault(
        "estimates beside readings that came since",
        0,
        1,
        (
            Event(FIRST, "window", {"days": 2, "in_a_row": 2}),
            at(0, 18, "lost", point="SP-1", hours=5, count=96),
            at(1, 5, "read_out", point="SP-1", through=on(0, 20).isoformat()),
            *bills(1, 6, "2026-09"),
        ),
        (0,),
    ),
    Fault(
        "a tariff withdrawn after the bill before it",
        0,
        2,
        (
            at(0, 25, "switch", point="SP-4", plan="SOLAR2", first=on(1, 1).isoformat()),
            at(1, 10, "unagree", point="SP-4"),
        ),
    ),
    Fault(
        "who leaves on the day of the next tariff",
        0,
        2,
        (
            at(0, 25, "switch", point="SP-4", plan="SOLAR2", first=on(1, 1).isoformat()),
            at(1, 10, "unagree", point="SP-4"),
            leaves(1, 10, "SP-4", on(1, 1)),
        ),
    ),
    Fault(
        "a next tariff that changed after the draft",
        5,
        1,
        (
            at(0, 25, "switch", point="SP-4", plan="SOLAR2", first=on(1, 1).isoformat()),
            at(1, 3, "run", cycle="2026-09", by=CLERK),
            Event(on(1, 4), "tariff", {**_NOTHING, **_SOLAR2}),
            at(1, 4, "approve", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
    Fault(
        "what was left at the price of before",
        5,
        2,
        (
            Event(on(0, 10), "tariff", {**_NOTHING, **_SOLAR2}),
            at(1, 10, "switch", point="SP-4", plan="SOLAR2", first=on(1, 1).isoformat()),
            at(2, 3, "run", cycle="2026-10", by=CLERK),
            Event(on(2, 4), "tariff", {**PLANS["SOLAR"], **_SOLAR, "at_end": "0.051"}),
            at(2, 4, "approve", cycle="2026-10", by=CHIEF),
        ),
        (0,),
    ),
    Fault(
        "a batch found missing after the draft",
        5,
        1,
        (
            at(0, 10, "lost", point="SP-2", hours=5, count=1),
            at(1, 4, "poison", gateway="gw-2", what="nul"),
        ),
        (0,),
    ),
)
