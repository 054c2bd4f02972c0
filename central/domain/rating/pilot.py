"""Pilots: the same intervals of a group under two tariffs, beside a control group. Pure.

Source: docs/how-to/try-a-tariff-on-a-group.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import InvalidValueError

_NOTHING = Decimal(0)
_DAYS_MAX = 400


class PilotSide(StrEnum):
    """On which side somebody is."""

    PILOT = "pilot"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class PilotDocument:
    """What a pilot compares.

    Args:
        group: Name of the group of accounts or points.
        tariff: Name of the tariff that is tried.
        first: First local day.
        end: The day after the last.
        control: Name of the group that it is compared with; None for none.
        against: Name of the tariff that it is compared with; None for what each has agreed.

    Raises:
        InvalidValueError: It has no day, or too many, or compares a thing with itself.
    """

    group: str
    tariff: str
    first: date
    end: date
    control: str | None = None
    against: str | None = None

    def __post_init__(self) -> None:
        if not 0 < (self.end - self.first).days <= _DAYS_MAX:
            message = f"A pilot from {self.first} to {self.end} is not possible."
            remedy = f"Give 1 to {_DAYS_MAX} days; the end is the day after the last."
            raise InvalidValueError(message, value=self.end, remedy=remedy)
        if self.control == self.group or self.against == self.tariff:
            message = "A pilot compares two groups, and two tariffs."
            raise InvalidValueError(message, value=self.group, remedy="Name another one.")

    @property
    def days(self) -> DayRange:
        """Its local days."""
        return DayRange(self.first, self.end)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "group": self.group,
            "tariff": self.tariff,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "control": self.control,
            "against": self.against,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PilotDocument:
        """The document that `to_json` wrote."""
        first, end = (date.fromisoformat(value[name]) for name in ("first", "end"))
        return cls(value["group"], value["tariff"], first, end, value["control"], value["against"])


@dataclass(frozen=True, slots=True)
class PilotRow:
    """One agreement of a member, under both tariffs.

    Args:
        side: Where it is.
        account: Number.
        point: Name of the service point.
        service: Name.
        against: Tariff that it is compared with.
        days: Those of the pilot on which it is agreed.
        kwh: Billed energy under the tariff that it is compared with. [kWh]
        currency: ISO 4217 letters; "" where it could not be rated.
        before: Under that tariff. [currency]
        after: Under the tariff that is tried. [currency]
        held: Codes that say why it could not be rated; then it counts in no sum.
    """

    side: PilotSide
    account: str
    point: str
    service: str
    against: str
    days: DayRange
    kwh: Decimal = _NOTHING
    currency: str = ""
    before: Decimal = _NOTHING
    after: Decimal = _NOTHING
    held: tuple[str, ...] = ()

    @property
    def difference(self) -> Decimal:
        """What it would pay more. [currency]."""
        return self.after - self.before

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; numbers as strings, exact."""
        return {
            "side": self.side.value,
            "account": self.account,
            "point": self.point,
            "service": self.service,
            "against": self.against,
            "first": self.days.first.isoformat(),
            "end": self.days.end.isoformat(),
            "kwh": format(self.kwh, "f"),
            "currency": self.currency,
            "before": format(self.before, "f"),
            "after": format(self.after, "f"),
            "difference": format(self.difference, "f"),
            "held": list(self.held),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PilotRow:
        """The row that `to_json` wrote."""
        days = DayRange(date.fromisoformat(value["first"]), date.fromisoformat(value["end"]))
        return cls(
            PilotSide(value["side"]),
            value["account"],
            value["point"],
            value["service"],
            value["against"],
            days,
            Decimal(value["kwh"]),
            value["currency"],
            Decimal(value["before"]),
            Decimal(value["after"]),
            tuple(value["held"]),
        )


@dataclass(frozen=True, slots=True)
class SideSums:
    """What the members of one side come to together, in one currency.

    Args:
        side: Which.
        currency: ISO 4217 letters.
        accounts: How many were rated.
        winners: How many of them would pay less.
        losers: How many would pay more.
        kwh: Of all. [kWh]
        before: Under the tariff that it is compared with. [currency]
        after: Under the tariff that is tried. [currency]
    """

    side: PilotSide
    currency: str
    accounts: int
    winners: int
    losers: int
    kwh: Decimal
    before: Decimal
    after: Decimal

    @property
    def mean_difference(self) -> Fraction:
        """What an account would pay more on average, exactly. [currency]."""
        return Fraction(self.after - self.before) / self.accounts

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        mean, kwh = self.mean_difference, Fraction(self.kwh) / self.accounts
        return {
            "side": self.side.value,
            "currency": self.currency,
            "accounts": self.accounts,
            "winners": self.winners,
            "losers": self.losers,
            "unchanged": self.accounts - self.winners - self.losers,
            "kwh": format(self.kwh, "f"),
            "before": format(self.before, "f"),
            "after": format(self.after, "f"),
            "difference": format(self.after - self.before, "f"),
            "mean_difference": f"{mean.numerator}/{mean.denominator}",
            "mean_kwh": f"{kwh.numerator}/{kwh.denominator}",
        }


def sums_of(rows: Iterable[PilotRow]) -> list[SideSums]:
    """The sides of a pilot, by currency; an account wins or loses with all of its agreements.

    Args:
        rows: Of the pilot; one that could not be rated takes its account out.
    """
    rated = list(rows)
    held = {(row.side, row.account) for row in rated if row.held}
    sides = dict.fromkeys((row.side, row.currency) for row in sorted(rated, key=_order)
                          if (row.side, row.account) not in held)  # fmt: skip
    return [_sums(rated, side, currency, held) for side, currency in sides]


def _order(row: PilotRow) -> tuple[bool, str]:
    return row.side is PilotSide.CONTROL, row.currency


def _sums(
    rows: Sequence[PilotRow], side: PilotSide, currency: str, held: set[tuple[PilotSide, str]]
) -> SideSums:
    mine = [
        row
        for row in rows
        if (row.side, row.currency) == (side, currency) and (side, row.account) not in held
    ]
    of_account: dict[str, Decimal] = {}
    for row in mine:
        of_account[row.account] = of_account.get(row.account, _NOTHING) + row.difference
    return SideSums(
        side,
        currency,
        len(of_account),
        sum(difference < 0 for difference in of_account.values()),
        sum(difference > 0 for difference in of_account.values()),
        sum((row.kwh for row in mine), _NOTHING),
        sum((row.before for row in mine), _NOTHING),
        sum((row.after for row in mine), _NOTHING),
    )
