"""What crosses from one bill to the next: peaks, credit banks, sums of the year."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from central.domain.rating.inputs.expiry import NEVER
from central.domain.tariff.credit_rules import BUDGET_BILLING
from central.domain.tariff.state_rules import Owner


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry comes from: it says whose it is and of when, and nothing of its worth.

    Args:
        first: First day of the period, or of the year or term so far; None where nobody kept it.
        end: The day after the last.
        owner: Whose the entry is.
    """

    first: date | None = None
    end: date | None = None
    owner: Owner = Owner.OCCUPANCY

    def to_json(self) -> list[str | None]:
        """What an entry ends with; nothing where it says no more than an old one did."""
        if self == UNKNOWN:
            return []
        days = (None if day is None else day.isoformat() for day in (self.first, self.end))
        return [*days, str(self.owner)]

    @classmethod
    def from_json(cls, value: Sequence[str | None]) -> Origin:
        """The origin that `to_json` wrote."""
        if not value:
            return UNKNOWN
        first, end = (None if day is None else date.fromisoformat(day) for day in value[:2])
        return cls(first, end, Owner(str(value[2])))


UNKNOWN = Origin()
"""Of entries that were kept before their origin was."""


@dataclass(frozen=True, slots=True, order=True)
class Peak:
    """A metered peak of an earlier month; never a billed one.

    Args:
        name: Determinant.
        label: Period, "" for none.
        month: First day of the calendar month it was metered in.
        value: In the determinant's unit.
        origin: The period it was metered in.
    """

    name: str
    label: str
    month: date
    value: Fraction
    origin: Origin = field(default=UNKNOWN, compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Credit:
    """What is left of a credit earned in one month.

    Args:
        bank: As the tariff names it.
        label: Period, "" for none.
        earned: First day of the month it was earned in.
        amount: In the bank's unit: kWh or currency. Never negative.
        origin: The period it was earned in.
        expires: Local day on which it lapses; `NEVER` where its bank alone says so.
    """

    bank: str
    label: str
    earned: date
    amount: Fraction
    origin: Origin = field(default=UNKNOWN, compare=False)
    expires: date = NEVER

    def under(self, label: str) -> Credit:
        """The credit under another period."""
        return replace(self, label=label)


@dataclass(frozen=True, slots=True, order=True)
class MonthTotal:
    """What the bills of a month came to, before it was levelled. [currency]."""

    month: date
    amount: Decimal
    origin: Origin = field(default=UNKNOWN, compare=False)


@dataclass(frozen=True, slots=True, order=True)
class YearSum:
    """Sum since the start of a minimum's or commitment's year, or what is deferred.

    Args:
        id: As the tariff names it.
        amount: [currency]
        origin: The days it counts.
        quantity: What the last bill of days would have multiplied the rule's amount by; None where
            that is nothing, or not known.
    """

    id: str
    amount: Decimal
    origin: Origin = field(default=UNKNOWN, compare=False)
    quantity: Fraction | None = field(default=None, compare=False)

    @property
    def counts(self) -> bool:
        """Whether it counts any day, as far as that was kept."""
        first, end = self.origin.first, self.origin.end
        return first is None or end is None or first < end


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """The value that the last event left.

    Args:
        name: Determinant.
        label: Value of the field it is split by, "" for none.
        key: What holds it, "" where one thing does.
        value: In the determinant's unit.
        origin: The period it was left in.
    """

    name: str
    label: str
    key: str
    value: Fraction
    origin: Origin = field(default=UNKNOWN, compare=False)


@dataclass(frozen=True, slots=True, order=True)
class PaidAhead:
    """What was charged for days to come.

    Args:
        id: Of the charge.
        amount: What is left of it, for the days of the origin. [currency]
        days: How many days the whole of it was for.
        months: How many months those were.
        origin: The days that are paid for, and not billed yet.
    """

    id: str
    amount: Decimal
    days: int
    months: int
    origin: Origin = field(default=UNKNOWN, compare=False)


@dataclass(frozen=True, slots=True)
class CarriedState:
    """All that a bill reads of earlier ones.

    Args:
        peaks: Ascending.
        credits: Ascending, oldest first within a bank and label.
        sums: Ascending.
        totals: Ascending; for the rolling average of budget billing.
        levels: Ascending; what events left.
        advances: Ascending; what was charged for days to come.
        tariff: Whose names these are, "" where nobody kept it.
        before: What of it the tariff before handed over, as that one named it; None where none
            did, or where it handed over what is the account's own.
    """

    peaks: tuple[Peak, ...] = ()
    credits: tuple[Credit, ...] = ()
    sums: tuple[YearSum, ...] = ()
    totals: tuple[MonthTotal, ...] = ()
    levels: tuple[Level, ...] = ()
    advances: tuple[PaidAhead, ...] = ()
    tariff: str = field(default="", compare=False)
    before: CarriedState | None = field(default=None, compare=False)

    def sum_of(self, identifier: str) -> Decimal:
        """The sum of the year so far of a minimum or commitment. [currency]."""
        entry = self.sum_entry(identifier)
        return Decimal(0) if entry is None else entry.amount

    def sum_entry(self, identifier: str) -> YearSum | None:
        """The sum of that name, None where there is none."""
        return next((entry for entry in self.sums if entry.id == identifier), None)

    def of(self, owner: Owner) -> CarriedState:
        """What of it one owner has."""
        return self.only(lambda _, entry: entry.origin.owner is owner)

    def only(self, wanted: Callable[[str, Entry], bool]) -> CarriedState:
        """The entries that are wanted, each asked with the name of its state."""
        return self._of((_wanted(entries, wanted) for entries in self._entries), self.tariff)

    def changed(self, change: Callable[[Any], Entry]) -> CarriedState:
        """The state with each entry replaced."""
        entries = (tuple(sorted(map(change, entries))) for entries in self._entries)
        return self._of(entries, self.tariff)

    def named_by(self, tariff: str) -> CarriedState:
        """The state under the names of a tariff; nothing needs no name."""
        return replace(self, tariff=tariff if self.names else "")

    def under(self, tariff: str) -> CarriedState:
        """What a part under a tariff opens with.

        Where that is another than it was handed over to, as if nothing had been.
        """
        if self.before is None:
            return self
        if tariff == self.tariff:
            return replace(self, before=None)
        return self.before.joined(self.of(Owner.ACCOUNT)).named_by(self.before.tariff)

    def joined(self, other: CarriedState) -> CarriedState:
        """Both states as one, such as that of an occupancy and that of its account."""
        both = zip(self._entries, other._entries, strict=True)
        entries = (tuple(sorted((*mine, *theirs))) for mine, theirs in both)
        return self._of(entries, self.tariff or other.tariff)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the states that it holds anything of, each once."""
        return tuple(dict.fromkeys(name_of(e) for entries in self._entries for e in entries))

    @property
    def to_settle(self) -> tuple[str, ...]:
        """The names of the states of which something is left to settle, each once.

        A year that counts no day yet, a deferral of nothing and the months that a budget is the
        average of leave nothing.
        """
        sums = (
            entry.id
            for entry in self.sums
            if entry.amount or (entry.counts and entry.id != BUDGET_BILLING)
        )
        groups: tuple[tuple[Entry, ...], ...] = (
            self.peaks,
            self.credits,
            self.levels,
            self.advances,
        )
        others = (name_of(entry) for entries in groups for entry in entries)
        return tuple(dict.fromkeys((*others, *sums)))

    @property
    def quantities(self) -> dict[str, Fraction]:
        """What the amounts of minimums and commitments are multiplied by, as far as it was kept."""
        return {entry.id: entry.quantity for entry in self.sums if entry.quantity is not None}

    @staticmethod
    def _of(entries: Iterable[tuple[Any, ...]], tariff: str) -> CarriedState:
        peaks, credits_, sums, totals, levels, advances = entries
        return CarriedState(peaks, credits_, sums, totals, levels, advances, tariff)

    @property
    def _entries(self) -> tuple[tuple[Any, ...], ...]:
        return (self.peaks, self.credits, self.sums, self.totals, self.levels, self.advances)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; numbers as strings."""
        document: dict[str, Any] = {
            "peaks": [
                [p.name, p.label, p.month.isoformat(), str(p.value), *p.origin.to_json()]
                for p in self.peaks
            ],
            "credits": [_credit_json(credit) for credit in self.credits],
            "sums": [_sum_json(entry) for entry in self.sums],
        }
        if self.totals:
            document["totals"] = [
                [t.month.isoformat(), str(t.amount), *t.origin.to_json()] for t in self.totals
            ]
        if self.levels:
            document["levels"] = [
                [v.name, v.label, v.key, str(v.value), *v.origin.to_json()] for v in self.levels
            ]
        if self.advances:
            document["advances"] = [
                [a.id, str(a.amount), a.days, a.months, *a.origin.to_json()] for a in self.advances
            ]
        if self.tariff:
            document["tariff"] = self.tariff
        if self.before is not None:
            document["before"] = self.before.to_json()
        return document

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CarriedState:
        """The state that `to_json` wrote, now or before entries had an origin."""
        return cls(
            peaks=tuple(
                Peak(name, label, date.fromisoformat(month), Fraction(peak), _origin(rest))
                for name, label, month, peak, *rest in value.get("peaks", ())
            ),
            credits=tuple(
                Credit(
                    bank,
                    label,
                    date.fromisoformat(earned),
                    Fraction(amount),
                    _origin(rest[:3]),
                    date.fromisoformat(rest[3]) if rest[3:] else NEVER,
                )
                for bank, label, earned, amount, *rest in value.get("credits", ())
            ),
            sums=tuple(
                YearSum(name, Decimal(amount), _origin(rest[:3]), _quantity(rest[3:]))
                for name, amount, *rest in value.get("sums", ())
            ),
            totals=tuple(
                MonthTotal(date.fromisoformat(month), Decimal(amount), _origin(rest))
                for month, amount, *rest in value.get("totals", ())
            ),
            levels=tuple(
                Level(name, label, key, Fraction(level), _origin(rest))
                for name, label, key, level, *rest in value.get("levels", ())
            ),
            advances=tuple(
                PaidAhead(name, Decimal(amount), int(days), int(months), _origin(rest))
                for name, amount, days, months, *rest in value.get("advances", ())
            ),
            tariff=value.get("tariff", ""),
            before=cls.from_json(value["before"]) if "before" in value else None,
        )


Entry = Peak | Credit | YearSum | MonthTotal | Level | PaidAhead
_E = TypeVar("_E", bound=Entry)
_origin = Origin.from_json


def _credit_json(credit: Credit) -> list[str | None]:
    more = None if credit.expires == NEVER else credit.expires.isoformat()
    fields = (credit.bank, credit.label, credit.earned.isoformat(), str(credit.amount))
    return [*fields, *_and_more(credit.origin, more)]


def _sum_json(entry: YearSum) -> list[str | None]:
    more = None if entry.quantity is None else str(entry.quantity)
    return [entry.id, str(entry.amount), *_and_more(entry.origin, more)]


def _and_more(origin: Origin, more: str | None) -> list[str | None]:
    """What an entry ends with: its origin, and what came later than that, where it says any."""
    written = origin.to_json()
    if more is None:
        return written
    return [*(written or (None, None, str(Owner.OCCUPANCY))), more]


def _quantity(rest: Sequence[str]) -> Fraction | None:
    return Fraction(rest[0]) if rest else None


def name_of(entry: Entry) -> str:
    """The name of the state that an entry belongs to."""
    match entry:
        case Peak() | Level():
            return entry.name
        case Credit():
            return entry.bank
        case YearSum() | PaidAhead():
            return entry.id
        case MonthTotal():
            return BUDGET_BILLING


def renamed(entry: Entry, name: str, owner: Owner) -> Entry:
    """An entry under another name, and whose it is then."""
    origin = replace(entry.origin, owner=owner)
    match entry:
        case Peak() | Level():
            return replace(entry, name=name, origin=origin)
        case Credit():
            return replace(entry, bank=name, origin=origin)
        case YearSum() | PaidAhead():
            return replace(entry, id=name, origin=origin)
        case MonthTotal():
            return replace(entry, origin=origin)


def _wanted(entries: Iterable[_E], wanted: Callable[[str, Entry], bool]) -> tuple[_E, ...]:
    return tuple(entry for entry in entries if wanted(name_of(entry), entry))
