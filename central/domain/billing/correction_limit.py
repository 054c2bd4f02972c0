"""How far back bills may charge or give back: what the law of a place says, as dated data.

A limit is of everybody, or of a named group of accounts or service points, such as a country or a
class of customers; and of every cause, or of one. It says its effective date; of a scope, cause and
date the newest revision holds, and on a day the latest effective date up to it. Within a scope the
limit of a cause takes the place of that of every cause, be it stricter or an exception. Where
several scopes or causes say something of an account, the strictest of each figure holds.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from firmware_bridge.contract.errors import InvalidValueError, OperatorError

MONTHS_MAX = 240
TEXT_MAX = 500
_CURRENCY = re.compile(r"[A-Z]{3}")


class LimitCause(StrEnum):
    """Why bills say something else than they did. Stored: never renamed."""

    READINGS = "readings"
    AGREEMENT = "agreement"
    FACT = "fact"
    EXCHANGE = "exchange"
    COEFFICIENT = "coefficient"
    TARIFF = "tariff"
    HOLIDAYS = "holidays"
    SERIES = "series"
    FIRST_BILL = "first bill"
    """Nothing was corrected: the days are billed for the first time, and late."""


_FIRST = LimitCause.FIRST_BILL


class BelowSmallestError(OperatorError):
    """A difference is smaller than what may be charged or refunded."""

    code = "BELOW_SMALLEST"
    default_remedy = "Leave it with a reason: `correction decide --way leave`."


@dataclass(frozen=True, slots=True)
class LimitTerms:
    """What a limit says.

    Args:
        charge_months: How far back may be charged more; None for however far. [months]
        credit_months: How far back may be given back; None for however far. [months]
        smallest: Differences below it, whatever their sign, are neither charged nor given back;
            None for none. [currency]
        currency: ISO 4217 letters of the smallest amount; differences in another have none.
        source: Where it stands, such as a law and its article.

    Raises:
        InvalidValueError: A number is out of range, the currency is none, or there is no source.
    """

    charge_months: int | None = None
    credit_months: int | None = None
    smallest: Decimal | None = None
    currency: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for months in (self.charge_months, self.credit_months):
            if months is not None and not 0 <= months <= MONTHS_MAX:
                message = f"{months} months are not 0 to {MONTHS_MAX}."
                raise InvalidValueError(message, value=months)
        if (self.smallest is None) is not (self.currency is None):
            message = "A smallest amount needs a currency, and a currency an amount."
            raise InvalidValueError(message, value=str(self.smallest))
        if self.smallest is not None and not (self.smallest.is_finite() and self.smallest > 0):
            message = f"{self.smallest} is not an amount above zero."
            raise InvalidValueError(message, value=str(self.smallest))
        if self.currency is not None and not _CURRENCY.fullmatch(self.currency):
            message = f"{self.currency!r} is not a currency such as EUR."
            raise InvalidValueError(message, value=self.currency)
        if not 1 <= len(self.source.strip()) <= TEXT_MAX:
            message = "A limit says where it stands, in 1 to 500 characters."
            raise InvalidValueError(message, value=self.source)

    def months(self, *, charged: bool) -> int | None:
        """How far back may be charged more, or given back. [months]."""
        return self.charge_months if charged else self.credit_months

    def check_smallest(self, currency: str, amount: Decimal) -> None:
        """Refuse a difference that is too small.

        Args:
            currency: ISO 4217 letters.
            amount: That is charged more; below zero, less.

        Raises:
            BelowSmallestError: It is.
        """
        if self.smallest is not None and currency == self.currency and abs(amount) < self.smallest:
            message = (
                f"The difference of {amount} {currency} is below {self.smallest}, the smallest by"
                f" {self.source}."
            )
            raise BelowSmallestError(message, value=str(amount))

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; the amount as a string, exact."""
        return {
            "charge_months": self.charge_months,
            "credit_months": self.credit_months,
            "smallest": None if self.smallest is None else format(self.smallest, "f"),
            "currency": self.currency,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class CorrectionLimit:
    """A limit as somebody recorded it.

    Args:
        group: Name of a group of accounts or service points; None for everybody.
        cause: Why bills say something else; None for every cause without a limit of its own.
        effective: First day that it holds on.
        revision: Of that scope, cause and day, from 1 on.
        terms: What it says.
        reason: Why it was entered.
        actor: Key of who did.
        recorded_at: When.
    """

    group: str | None
    cause: LimitCause | None
    effective: date
    revision: int
    terms: LimitTerms
    reason: str
    actor: str
    recorded_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "group": self.group,
            "cause": None if self.cause is None else self.cause.value,
            "effective": self.effective.isoformat(),
            "revision": self.revision,
            **self.terms.to_json(),
            "reason": self.reason,
            "actor": self.actor,
            "recorded_at": self.recorded_at.isoformat(),
        }


class ScopedLimit(NamedTuple):
    """A revision of a limit that may be of an account.

    Args:
        scope: Key of the group; None for everybody.
        cause: See `CorrectionLimit`.
        effective: First day that it holds on.
        revision: Of that scope, cause and day.
        first: First day on which the account is of the scope; None for ever.
        end: The day after the last; None for ever.
        terms: What it says.
    """

    scope: int | None
    cause: LimitCause | None
    effective: date
    revision: int
    first: date | None
    end: date | None
    terms: LimitTerms

    def holds_on(self, day: date) -> bool:
        """Whether it may hold on a day."""
        inside = (self.first or day) <= day and (self.end is None or day < self.end)
        return inside and self.effective <= day


def limit_on(
    limits: Iterable[ScopedLimit], day: date, causes: Iterable[LimitCause | None]
) -> LimitTerms | None:
    """What holds for an account on a day; None for nothing.

    Args:
        limits: That may be of the account, in any order.
        day: From which the time runs back.
        causes: Why its bills say something else, None for what no cause is for; empty where nobody
            can say: then the strictest of all holds.
    """
    newest: dict[tuple[int | None, LimitCause | None], ScopedLimit] = {}
    for each in limits:
        key = each.scope, each.cause
        there = newest.get(key)
        if each.holds_on(day) and (there is None or there[2:4] < each[2:4]):
            newest[key] = each
    asked: list[LimitCause | None] = [*causes] or [None, *LimitCause]
    scopes = sorted({scope for scope, _ in newest}, key=lambda scope: scope or 0)
    holding: dict[tuple[int | None, LimitCause | None], ScopedLimit] = {}
    for scope in scopes:
        for cause in asked:
            key = (scope, cause) if (scope, cause) in newest else (scope, None)
            if key in newest:
                holding[key] = newest[key]
    return strictest(each.terms for each in holding.values())


def limit_of_run(
    limits: Iterable[ScopedLimit], day: date, *, billed_before: bool
) -> LimitTerms | None:
    """What limits a part of a run's bill; None for nothing.

    Args:
        limits: That may be of its account.
        day: From which the time runs back.
        billed_before: Whether days of it were billed by what is cancelled. Nobody says why they are
            billed anew, so the strictest of all causes holds; days that are billed for the first
            time are limited as far as they charge.
    """
    if billed_before:
        return limit_on(limits, day, [None, *(each for each in LimitCause if each is not _FIRST)])
    terms = limit_on(limits, day, [_FIRST])
    if terms is None or terms.charge_months is None:
        return None
    return LimitTerms(charge_months=terms.charge_months, source=terms.source)


def strictest(limits: Iterable[LimitTerms]) -> LimitTerms | None:
    """Of several limits the shortest times, and the largest of the smallest amounts.

    Args:
        limits: In order; of smallest amounts in several currencies those of the first count.
    """
    every = list(limits)
    if not every:
        return None
    amounts = [each for each in every if each.smallest is not None]
    alike = [each for each in amounts if each.currency == amounts[0].currency]
    largest = max(alike, key=lambda each: each.smallest or Decimal(0), default=None)
    return LimitTerms(
        min((each.charge_months for each in every if each.charge_months is not None), default=None),
        min((each.credit_months for each in every if each.credit_months is not None), default=None),
        None if largest is None else largest.smallest,
        None if largest is None else largest.currency,
        "; ".join(dict.fromkeys(each.source for each in every))[:TEXT_MAX],
    )


def days_cut(first: date, end: date, terms: LimitTerms | None, day: date) -> tuple[date, date]:
    """Until when days may be cut off, of what they charge more and of what they give back.

    Args:
        first: Of the days; it stands for none.
        end: The day after the last.
        terms: The limit.
        day: From which the time runs back.
    """
    charged, given_back = (
        first if months is None else min(max(months_back(day, months), first), end)
        for months in (
            (None, None) if terms is None else (terms.charge_months, terms.credit_months)
        )
    )
    return charged, given_back


def months_back(day: date, months: int) -> date:
    """The first day of which a limit lets something through.

    Args:
        day: From which the time runs back; it may be corrected itself.
        months: Whole months, the day of the month kept, or the last one of a shorter month.
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
