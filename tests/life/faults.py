"""Faults that were found between two passes, each as a short life that meets it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from tests.life.events import Event, Life
from tests.life.utility import CHIEF, CLERK, FIRST, PLANS, founding, month_after, moves_in, office

_DAY = timedelta(days=1)
SEED = 11


@dataclass(frozen=True)
class Fault:
    """A fault, and the invariant that sees it.

    Args:
        name: Short.
        number: Of the invariant.
        months: It lives.
        events: What happens besides the monthly office; they come before it on their day.
        billed: Months that are billed as usual.
    """

    name: str
    number: int
    months: int
    events: tuple[Event, ...]
    billed: tuple[int, ...] = (0, 1)

    def life(self) -> Life:
        own = list(founding(FIRST))
        for number in self.billed:
            own += office(month_after(FIRST, number), (3,))
        found = sorted([*own, *self.events], key=lambda event: event.day)
        return Life(SEED, FIRST, month_after(FIRST, self.months) + 8 * _DAY, tuple(found))


def _on(month: int, day: int) -> date:
    return month_after(FIRST, month) + (day - 1) * _DAY


def _at(month: int, day: int, kind: str, **said: str | int | bool) -> Event:
    return Event(_on(month, day), kind, said)


def _leaves(month: int, day: int, point: str, end: date) -> Event:
    return _at(month, day, "leave", point=point, end=end.isoformat())


def _bills(month: int, day: int, cycle: str) -> Iterable[Event]:
    yield _at(month, day, "run", cycle=cycle, by=CLERK)
    yield _at(month, day + 1, "approve", cycle=cycle, by=CHIEF)
    yield _at(month, day + 1, "issue", cycle=cycle, by=CHIEF)


_DEARER = {**PLANS["HOME"], "peak": "0.45"}
_TAKEN_OVER = {**PLANS["SOLAR"], "takes_over": "nem"}

_TAKEN = {"account": "A-4", "point": "SP-4", "last_billed": "2026-09-10", "balance": 3.5}
_LEFT = {"bank": "nem", "period": "off", "earned": "2026-08"}

FAULTS = (
    Fault("cycles that overlap", 2, 2, tuple(_bills(2, 6, "2026-09@15"))),
    Fault(
        "an agreement ended in days that are billed",
        2,
        2,
        (
            _leaves(1, 10, "SP-1", _on(0, 20)),
            *moves_in(_on(1, 10), "A-9", "SP-1", "HOME", _on(0, 20)),
            *_bills(1, 12, "2026-09"),
        ),
    ),
    Fault(
        "a bill that opens from before a hole",
        4,
        3,
        (
            _at(1, 20, "lost", point="SP-4", hours=5, count=30, found=_on(3, 5).isoformat()),
            *_bills(3, 6, "2026-10"),
            *_bills(3, 7, "2026-11"),
        ),
        (0, 1, 2),
    ),
    Fault(
        "a bill without the one before it",
        3,
        3,
        (_at(1, 20, "lost", point="SP-1", hours=5, count=30, found=_on(3, 5).isoformat()),),
        (0, 1, 2),
    ),
    Fault(
        "a bank that dies with its agreement",
        4,
        3,
        (
            _at(
                0,
                20,
                "tariff",
                plan="SOLAR2",
                effective="2026-01-01",
                takes_over="nem",
                **PLANS["SOLAR"],
            ),
            _leaves(0, 25, "SP-4", _on(1, 1)),
            _at(0, 25, "agree", account="A-4", point="SP-4", plan="SOLAR2", first="2026-10-01"),
        ),
    ),
    Fault(
        "a price that came after the approval",
        5,
        1,
        (
            _at(1, 3, "run", cycle="2026-09", by=CLERK),
            _at(1, 3, "approve", cycle="2026-09", by=CHIEF),
            _at(1, 4, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),
            _at(1, 4, "issue", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
    Fault(
        "a second value that came after the draft",
        5,
        1,
        (
            _at(0, 30, "conflict", point="SP-1", back=1, more=1),
            _at(1, 2, "decide", point="SP-1", choice="keep"),
            _at(1, 3, "run", cycle="2026-09", by=CLERK),
            _at(1, 4, "conflict", point="SP-1", back=200, more=1),
            _at(1, 4, "approve", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
    Fault(
        "a decision that waits for validation",
        5,
        1,
        (
            _at(1, 2, "down", until=_on(1, 5).isoformat()),
            _at(1, 3, "conflict", point="SP-1", back=80, more=1),
            _at(1, 3, "decide", point="SP-1", choice="replace"),
            _at(1, 3, "run", cycle="2026-09", by=CLERK),
            _at(1, 3, "approve", cycle="2026-09", by=CHIEF),
        ),
        (),
    ),
    Fault("a service that is not reconciled", 7, 1, (), ()),
    Fault(
        "a message that stops its window",
        10,
        1,
        (_at(0, 10, "poison", gateway="gw-2", what="nul"),),
        (),
    ),
    Fault(
        "issued bills that another price concerns unsaid",
        6,
        2,
        (_at(1, 10, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),),
        (0,),
    ),
    Fault(
        "a price that was known before it was entered",
        8,
        2,
        (_at(1, 10, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),),
        (),
    ),
    Fault(
        "a withdrawn price that is charged",
        0,
        1,
        (
            _at(0, 20, "tariff", plan="HOME", effective="2026-09-15", **_DEARER),
            _at(0, 25, "withdraw", plan="HOME", effective="2026-09-15"),
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
            _at(0, 10, "exchange", point="SP-1", serial="S1-2", hours=3, misread=3),
            _at(0, 20, "reread", point="SP-1"),
        ),
        (0,),
    ),
    Fault(
        "estimates beside the register",
        0,
        1,
        (
            Event(FIRST, "window", {"days": 2, "in_a_row": 2}),
            _at(0, 20, "lost", point="SP-1", hours=5, count=30),
            _at(1, 8, "run", cycle="2026-09", by=CLERK),
        ),
        (0,),
    ),
    Fault(
        "a change of cycle that waits for the old one's end",
        3,
        2,
        (
            _at(0, 5, "assign", account="A-1", cycle="yearly", first=_on(0, 1).isoformat()),
            _at(0, 20, "assign", account="A-1", cycle="quarterly", first=_on(1, 1).isoformat()),
        ),
        (0,),
    ),
    Fault(
        "money paid in that no bill takes",
        0,
        2,
        (
            _at(0, 25, "switch", point="SP-1", plan="PREPAID", first=_on(1, 1).isoformat()),
            Event(
                _on(1, 10),
                "pay_in",
                {"account": "A-1", "amount": 25.5, "since": _on(1, 9).isoformat()},
            ),
        ),
    ),
    Fault(
        "a day that changed after its bill",
        7,
        2,
        (
            _at(0, 10, "exchange", point="SP-1", serial="S1-2", hours=3, misread=3),
            _at(1, 20, "reread", point="SP-1"),
        ),
        (0,),
    ),
)
