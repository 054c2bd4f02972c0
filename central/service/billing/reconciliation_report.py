"""What is reconciled, and the report of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from central.domain.billing.coverage import BALANCED, CorrectionNote, Coverage, DecidedDays
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.changed_since_billed import ChangedDay
from central.service.ports.account_money import AccountMoney, summed
from central.service.ports.reconciliation import BilledMoney, ValidatedDays

FAULTS_NAMED = 1_000
"""How many runs of days that do not balance a report names at most."""


@dataclass(frozen=True, slots=True)
class ReconciledScope:
    """Which days of which services are reconciled: those that all of these hold.

    Args:
        days: Local days; None takes those of the run.
        run: Identifier of a run, or the name of its cycle.
        tariff: Name.
        group: Name.
        account: Number.
    """

    days: DayRange | None = None
    run: str | None = None
    tariff: str | None = None
    group: str | None = None
    account: str | None = None

    @property
    def narrows_bills(self) -> bool:
        """Whether not all bills of the run, or of the days, are meant."""
        narrowed = (self.tariff, self.group, self.account) != (None, None, None)
        return narrowed or (self.run is not None and self.days is not None)

    @property
    def narrows_accounts(self) -> bool:
        """Whether accounts are meant for the days that they have, and not by number alone."""
        return (self.run, self.tariff, self.group) != (None, None, None)


def covers(asked: ReconciledScope) -> dict[str, str]:
    """What each figure of a report is about, in words."""
    bills = (
        "whole bills whose last day is one of these days"
        if asked.run is None
        else "whole bills of the run"
    )
    some = " that have some of the intervals above"
    return {
        "energy": "validated intervals of these days"
        + (", narrowed to what was asked for" if asked.narrows_bills else ""),
        "money": bills + (f",{some}" if asked.narrows_bills else ""),
        "ledger": "all money until the last day, of every account"
        + (" with an agreement on the days above" if asked.narrows_accounts else ""),
    }


@dataclass(slots=True)
class IntervalSum:
    """Intervals of one kind of service, unit and coverage.

    Args:
        intervals: How many.
        missing: How many of them have no value.
        total: Sum of the others. [unit]
    """

    intervals: int = 0
    missing: int = 0
    total: Decimal = Decimal(0)

    def add(self, days: ValidatedDays) -> None:
        """Add some days of a channel."""
        self.intervals += days.intervals
        self.missing += days.missing
        self.total += days.total


@dataclass(frozen=True, slots=True)
class NamedDays:
    """Days of a channel that the report names, end to end.

    Args:
        point: Name of the service point.
        service: Such as `electricity`.
        obis: Of the channel.
        days: Local days.
        coverage: What is wrong, or that it was decided.
        total: Validated on them. [unit]
        unit: Of the total.
        decided: What was decided.
        adjusted: The correction that settled them, or the suppression.
    """

    point: str
    service: str
    obis: str
    days: DayRange
    coverage: Coverage
    total: Decimal
    unit: str
    decided: tuple[DecidedDays, ...] = ()
    adjusted: CorrectionNote | None = None

    @property
    def decisions(self) -> str:
        """Which conflicts or corrections were decided, how and why, in words."""
        if self.adjusted is not None and self.coverage is Coverage.SUPPRESSED:
            return f"suppression {self.adjusted.correction}: {self.adjusted.reason}"
        if self.adjusted is not None:
            return f"correction {self.adjusted.correction}: {self.adjusted.reason}"
        return "; ".join(
            f"conflict {each.conflict}, {each.decision.value}: {each.reason}"
            for each in self.decided
        )

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; the sum as a string, exact."""
        return {
            "service_point": self.point,
            "service": self.service,
            "obis": self.obis,
            "first": self.days.first.isoformat(),
            "end": self.days.end.isoformat(),
            "coverage": self.coverage.value,
            "total": format(self.total, "f"),
            "unit": self.unit,
            "decisions": [
                {
                    "conflict": each.conflict,
                    "decision": each.decision.value,
                    "reason": each.reason,
                }
                for each in self.decided
            ],
            "correction": None if self.adjusted is None else self.adjusted._asdict(),
        }


Key = tuple[str, str, Coverage]
"""Service, unit and coverage."""


@dataclass(slots=True)
class Reconciliation:
    """The report.

    Args:
        days: The local days that it spans.
        services: How many services were looked at.
        sums: By service, unit and coverage.
        money: By currency.
        accounts: The ledger's money by account, until the end of the days.
        faults: What does not balance, by point; at most `FAULTS_NAMED`.
        decided: What balances by a decision, likewise.
        adjusted: What a correction settled, likewise.
        changed: Days that were validated anew after a bill had read them.
        covers: What each figure is about, in words.
    """

    days: DayRange
    services: int = 0
    sums: dict[Key, IntervalSum] = field(default_factory=lambda: defaultdict(IntervalSum))
    money: tuple[BilledMoney, ...] = ()
    accounts: tuple[AccountMoney, ...] = ()
    faults: list[NamedDays] = field(default_factory=list)
    decided: list[NamedDays] = field(default_factory=list)
    adjusted: list[NamedDays] = field(default_factory=list)
    changed: list[ChangedDay] = field(default_factory=list)
    covers: dict[str, str] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether every interval is read once or named, and the money is equal."""
        return (
            all(key[2] in BALANCED for key in self.sums)
            and all(money.balanced for money in self.money)
            and all(row.balanced for row in self.accounts)
        )

    @property
    def ledger(self) -> tuple[AccountMoney, ...]:
        """The ledger's money by currency, of all accounts together."""
        currencies = sorted({row.currency for row in self.accounts})
        return tuple(
            summed(currency, [row for row in self.accounts if row.currency == currency])
            for currency in currencies
        )

    @property
    def unbalanced_accounts(self) -> tuple[AccountMoney, ...]:
        """Accounts whose money does not balance; at most `FAULTS_NAMED`."""
        return tuple(row for row in self.accounts if not row.balanced)[:FAULTS_NAMED]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object: sums as strings, exact."""
        return {
            "first": self.days.first.isoformat(),
            "end": self.days.end.isoformat(),
            "services": self.services,
            "balanced": self.balanced,
            "covers": self.covers,
            "energy": [
                {
                    "service": service,
                    "coverage": coverage.value,
                    "balanced": coverage in BALANCED,
                    "intervals": total.intervals,
                    "missing": total.missing,
                    "total": format(total.total, "f"),
                    "unit": unit,
                }
                for (service, unit, coverage), total in sorted(self.sums.items())
            ],
            "money": [
                {
                    "currency": money.currency,
                    "bills": money.bills,
                    "totals": format(money.totals, "f"),
                    "lines": format(money.lines, "f"),
                    "tallied": None if money.given is None else format(money.given, "f"),
                    "balanced": money.balanced,
                }
                for money in self.money
            ],
            "ledger": [
                {**row.to_json(), "account": None, "accounts": int(row.account)}
                for row in self.ledger
            ],
            "changed_since_billed": [day.to_json() for day in self.changed[:FAULTS_NAMED]],
            "unbalanced_accounts": [row.to_json() for row in self.unbalanced_accounts],
            "decided": [days.to_json() for days in self.decided],
            "adjusted": [days.to_json() for days in self.adjusted],
            "unbalanced": [days.to_json() for days in self.faults],
        }
