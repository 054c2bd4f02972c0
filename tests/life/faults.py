"""Faults that were found between two passes, each as a short life that meets it."""

from __future__ import annotations

from tests.life.corrected_wrongly import CORRECTED_WRONGLY
from tests.life.decided_wrongly import DECIDED_WRONGLY
from tests.life.events import Event
from tests.life.fault import Fault, at, bills, leaves, on
from tests.life.told_late import TOLD_LATE
from tests.life.utility import CHIEF, CLERK, FIRST, MADRID, PLANS, moves_in

_DEARER = {**PLANS["HOME"], "peak": "0.45"}
_TAKEN_OVER = {**PLANS["SOLAR"], "takes_over": "nem"}

_TAKEN = {"account": "A-4", "point": "SP-4", "last_billed": "2026-09-10", "balance": 3.5}
_LEFT = {"bank": "nem", "period": "off", "earned": "2026-08"}

_GAS = {
    "name": "SP-9",
    "zone": MADRID,
    "what": "gas",
    "period_s": 86400,
    "gateway": "gw-1",
    "digits": 8,
    "serial": "G1",
    "opening": 1000,
    "capacity": 1000,
}

FAULTS = (
    Fault("cycles that overlap", 2, 2, tuple(bills(2, 6, "2026-09@15"))),
    Fault(
        "an agreement ended in days that are billed",
        2,
        2,
        (
            leaves(1, 10, "SP-1", on(0, 20)),
            *moves_in(on(1, 10), "A-9", "SP-1", "HOME", on(0, 20)),
            *bills(1, 12, "2026-09"),
        ),
    ),
    Fault(
        "a bill that opens from before a hole",
        4,
        3,
        (
            at(1, 20, "lost", point="SP-4", hours=5, count=30, found=on(3, 5).isoformat()),
            *bills(3, 6, "2026-10"),
            *bills(3, 7, "2026-11"),
        ),
        (0, 1, 2),
    ),
    Fault(
        "a bill without the one before it",
        3,
        3,
        (at(1, 20, "lost", point="SP-1", hours=5, count=30, found=on(3, 5).isoformat()),),
        (0, 1, 2),
    ),
    Fault(
        "a bank that dies with its agreement",
        4,
        3,
        (
            at(
                0,
                20,
                "tariff",
                plan="SOLAR2",
                effective="2026-01-01",
                takes_over="nem",
                **PLANS["SOLAR"],
            ),
            leaves(0, 25, "SP-4", on(1, 1)),
            at(0, 25, "agree", account="A-4", point="SP-4", plan="SOLAR2", first="2026-10-01"),
        ),
    ),
    Fault(
        "a price that came after the approval",
        5,
        1,
        (
            at(1, 3, "run", cycle="2026-09", by=CLERK),
            at(1, 3, "approve", cycle="2026-09", by=CHIEF),
            at(1, 4, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),
            at(1, 4, "issue", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
    Fault(
        "a second value that came after the draft",
        5,
        1,
        (
            at(0, 30, "conflict", point="SP-1", back=1, more=1),
            at(1, 2, "decide", point="SP-1", choice="keep"),
            at(1, 3, "run", cycle="2026-09", by=CLERK),
            at(1, 4, "conflict", point="SP-1", back=200, more=1),
            at(1, 4, "approve", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
    Fault(
        "a decision that waits for validation",
        5,
        1,
        (
            at(1, 2, "down", until=on(1, 5).isoformat()),
            at(1, 3, "conflict", point="SP-1", back=80, more=1),
            at(1, 3, "decide", point="SP-1", choice="replace"),
            at(1, 3, "run", cycle="2026-09", by=CLERK),
            at(1, 3, "approve", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
    Fault("a service that is not reconciled", 7, 1, (), ()),
    Fault(
        "a message that stops its window",
        10,
        1,
        (at(0, 10, "poison", gateway="gw-2", what="nul"),),
        (),
    ),
    Fault(
        "issued bills that another price concerns unsaid",
        6,
        2,
        (at(1, 10, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),),
        (0,),
    ),
    Fault(
        "a price that was known before it was entered",
        8,
        2,
        (at(1, 10, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),),
        (),
    ),
    Fault(
        "a withdrawn price that is charged",
        0,
        1,
        (
            at(0, 20, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),
            at(0, 25, "withdraw", plan="HOME", effective="2026-09-15"),
        ),
        (0,),
    ),
    Fault(
        "a bank that stays in the other system",
        4,
        1,
        (Event(FIRST, "cutover", {**_TAKEN, "banks": [{**_LEFT, "amount": 95.2}]}),),
        (0,),
    ),
    Fault(
        "a corrected read that changes no day",
        0,
        1,
        (
            at(0, 10, "exchange", point="SP-1", serial="S1-2", hours=3, misread=3),
            at(0, 20, "reread", point="SP-1"),
        ),
        (0,),
    ),
    Fault(
        "estimates beside the register",
        0,
        1,
        (
            Event(FIRST, "window", {"days": 2, "in_a_row": 2}),
            at(0, 20, "lost", point="SP-1", hours=5, count=30),
            at(1, 8, "run", cycle="2026-09", by=CLERK),
        ),
        (0,),
    ),
    Fault(
        "a change of cycle that waits for the old one's end",
        3,
        2,
        (
            at(0, 5, "assign", account="A-1", cycle="yearly", first=on(0, 1).isoformat()),
            at(0, 20, "assign", account="A-1", cycle="quarterly", first=on(1, 1).isoformat()),
        ),
        (0,),
    ),
    Fault(
        "money paid in that no bill takes",
        0,
        2,
        (
            at(0, 25, "switch", point="SP-1", plan="PREPAID", first=on(1, 1).isoformat()),
            Event(
                on(1, 10),
                "pay_in",
                {"account": "A-1", "amount": 25.5, "since": on(1, 9).isoformat()},
            ),
        ),
    ),
    Fault(
        "a day that changed after its bill",
        7,
        2,
        (
            at(0, 10, "exchange", point="SP-1", serial="S1-2", hours=3, misread=3),
            at(1, 20, "reread", point="SP-1"),
        ),
        (0,),
    ),
    Fault(
        "a day of 25 hours of a meter that is read once a day",
        1,
        2,
        (
            Event(on(1, 20), "point", _GAS),
            *moves_in(on(1, 20), "A-9", "SP-9", "GAS", on(1, 20)),
        ),
        (1,),
    ),
    *TOLD_LATE,
    *CORRECTED_WRONGLY,
    *DECIDED_WRONGLY,
)
