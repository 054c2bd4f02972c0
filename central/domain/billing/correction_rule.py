"""Rules by which a small difference of issued bills settles itself.

A version of a rule has two numbers: an amount that the difference stays below, and how many days
ago the earliest part may begin. It is entered by one person and in force once another has approved
it; a newer version takes its place, and one that is withdrawn leaves the name without a rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from central.domain.actor import Actor, ActorKind, Via
from central.domain.billing.correction import CorrectionWay
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

DAYS_MAX = 3_660
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class RuleState(StrEnum):
    """Where a version stands."""

    ENTERED = "entered"
    IN_FORCE = "in force"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


class RuleCause(StrEnum):
    """Why bills differ that a rule settles. Stored: never renamed."""

    ANY = "any"
    ESTIMATES = "estimates"
    """Readings are another, and each of the bills had estimated or missing intervals."""


class NoSuchRuleError(OperatorError):
    """No version of that name and number can be approved or withdrawn."""

    code = "NO_SUCH_RULE"
    default_remedy = "`correction rules` lists the versions, and where they stand."


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What a version of a rule says.

    Args:
        way: What becomes of the bills.
        amount: The difference, whatever its sign, stays below it. [currency]
        currency: ISO 4217 letters; differences in another are not settled.
        days: The earliest part begins less than so many days ago.
        cause: Why the bills differ.

    Raises:
        InvalidValueError: A number is out of range, or the currency is none.
    """

    way: CorrectionWay
    amount: Decimal
    currency: str
    days: int
    cause: RuleCause = RuleCause.ANY

    def __post_init__(self) -> None:
        if not self.amount.is_finite() or self.amount <= 0:
            message = f"{self.amount} is not an amount above zero."
            raise InvalidValueError(message, value=str(self.amount))
        if not 1 <= self.days <= DAYS_MAX:
            message = f"{self.days} days are not 1 to {DAYS_MAX}."
            raise InvalidValueError(message, value=self.days)
        if not _CURRENCY.fullmatch(self.currency):
            message = f"{self.currency!r} is not a currency such as EUR."
            raise InvalidValueError(message, value=self.currency)


@dataclass(frozen=True, slots=True)
class CorrectionRule:
    """A version of a rule.

    Args:
        name: Of the rule.
        version: From 1 on.
        terms: What it says.
        state: Where it stands.
        reason: Why it was entered.
        entered_by: Key of who did.
        entered_at: When.
        approved_by: Key of who approved it; None until then.
        approved_at: When.
        withdrawn_by: Key of who withdrew it; None where nobody did.
        withdrawn_at: When.
    """

    name: str
    version: int
    terms: RuleTerms
    state: RuleState
    reason: str
    entered_by: str
    entered_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None

    @property
    def key(self) -> str:
        """Name and version, such as `small@2`."""
        return f"{self.name}@{self.version}"

    @property
    def actor(self) -> Actor:
        """Who acts where it is applied."""
        return Actor(ActorKind.RULE, self.key, Via.WORKER)

    @property
    def people(self) -> tuple[str, ...]:
        """Keys of who stands behind it; none of them may have worked on what it settles."""
        return tuple(key for key in (self.entered_by, self.approved_by) if key is not None)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; the amount as a string, exact."""
        return {
            "rule": self.key,
            "name": self.name,
            "version": self.version,
            "state": self.state.value,
            "way": self.terms.way.value,
            "amount": format(self.terms.amount, "f"),
            "currency": self.terms.currency,
            "days": self.terms.days,
            "cause": self.terms.cause.value,
            "reason": self.reason,
            "entered_by": self.entered_by,
            "entered_at": self.entered_at.isoformat(),
            "approved_by": self.approved_by,
            "approved_at": None if self.approved_at is None else self.approved_at.isoformat(),
            "withdrawn_by": self.withdrawn_by,
            "withdrawn_at": None if self.withdrawn_at is None else self.withdrawn_at.isoformat(),
        }


def check_rule_name(name: str) -> str:
    """A name that a rule may have.

    Raises:
        InvalidValueError: It is none.
    """
    if not _NAME.fullmatch(name):
        message = f"{name!r} is not a name of 1 to 40 small letters, digits and hyphens."
        raise InvalidValueError(message, value=name)
    return name


def no_such_rule(name: str, version: int) -> NoSuchRuleError:
    """The error for a version that cannot be approved or withdrawn."""
    message = f"No version {name}@{version} waits or is in force."
    return NoSuchRuleError(message, value=f"{name}@{version}")
