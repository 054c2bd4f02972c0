"""Rules of notices, and endpoints that they name: data, in versions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from central.domain.notices.date_rule import DATE_FACTS, DateOffset
from central.domain.notices.notice import FACTS, NoticeKind
from firmware_bridge.contract.errors import InvalidValueError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MAIL = re.compile(r"[^\s@<>,;\"']{1,64}@[^\s@<>,;\"']{1,255}")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?][!-\"$-~]*)?"
)
"""Without a user, a fragment, blanks, and anything beyond ASCII."""
_URL_MAX = 2_000
_PORT_MAX = 65_535
_CONDITIONS_MAX = 20


class Relation(StrEnum):
    """How a fact is compared. Stored: never renamed."""

    IS = "is"
    """The text is one of some."""
    AT_LEAST = "at_least"
    """The number is not below."""
    BELOW = "below"
    """The number is below."""


class EndpointKind(StrEnum):
    """How an endpoint is reached. Stored: never renamed."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    CUSTOMER = "customer"
    """The mail address that the account of the notice gets its invoices at."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a fact of a notice has to be.

    Args:
        fact: Its name.
        relation: How it is compared.
        values: With what; a number where the relation is of numbers.

    Raises:
        InvalidValueError: A number is none, or there is nothing to compare with.
    """

    fact: str
    relation: Relation
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        one_number = self.relation is not Relation.IS
        if not self.values or (one_number and len(self.values) != 1):
            message = f"The condition on {self.fact} has {len(self.values)} values."
            raise InvalidValueError(message, value=self.fact, remedy="Give what it is compared to.")
        if one_number and _number(self.values[0]) is None:
            message = f"{self.values[0]!r} is not a number that {self.fact} is compared with."
            raise InvalidValueError(message, value=self.values[0])

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it holds; never where the fact is missing."""
        given = facts.get(self.fact)
        if given is None:
            return False
        if self.relation is Relation.IS:
            return _text(given) in self.values
        number, bound = _number(_text(given)), _number(self.values[0])
        if number is None or bound is None:
            return False
        return number >= bound if self.relation is Relation.AT_LEAST else number < bound

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"fact": self.fact, "relation": self.relation.value, "values": list(self.values)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Condition:
        """The condition that `to_json` wrote."""
        return cls(value["fact"], Relation(value["relation"]), tuple(value["values"]))

    @classmethod
    def parse(cls, text: str) -> Condition:
        """The condition that a command line says: `severity=critical,warning`, `total>=100`.

        Raises:
            InvalidValueError: It says none.
        """
        match = re.fullmatch(r"([a-z_]+)(>=|<|=)(.+)", text)
        if match is None:
            message = f"{text!r} is not a condition such as severity=critical or total>=100."
            raise InvalidValueError(message, value=text)
        fact, sign, value = match.groups()
        relation = {"=": Relation.IS, ">=": Relation.AT_LEAST, "<": Relation.BELOW}[sign]
        values = tuple(value.split(",")) if relation is Relation.IS else (value,)
        return cls(fact, relation, values)


def _text(given: object) -> str:
    return {True: "true", False: "false"}[given] if isinstance(given, bool) else str(given)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """Which notices go to an endpoint.

    Args:
        kind: What they are about.
        endpoint: Name.
        conditions: All of them have to hold.
        off: Whether it is switched off.
        date: The day that is told; of notices of dates alone, which all have one.

    Raises:
        InvalidValueError: Notices of the kind do not have a fact that a condition names, or no
            rule sends them; a date is missing, or of another kind.
    """

    kind: NoticeKind
    endpoint: str
    conditions: tuple[Condition, ...] = ()
    off: bool = False
    date: DateOffset | None = None

    def __post_init__(self) -> None:
        if (self.kind is NoticeKind.DATE_REACHED) != (self.date is not None):
            message = f"A rule of {self.kind.value} has {'no' if self.date is None else 'a'} date."
            remedy = f"Give a date with {NoticeKind.DATE_REACHED.value}, and with nothing else."
            raise InvalidValueError(message, value=self.kind.value, remedy=remedy)
        if self.kind is NoticeKind.ENDPOINT_TEST:
            message = "What tries an endpoint is sent by no rule."
            raise InvalidValueError(message, value=self.kind.value)
        if len(self.conditions) > _CONDITIONS_MAX:
            message = f"{len(self.conditions)} conditions are more than {_CONDITIONS_MAX}."
            raise InvalidValueError(message, value=len(self.conditions))
        facts = FACTS[self.kind] if self.date is None else DATE_FACTS[self.date.field]
        for condition in self.conditions:
            if condition.fact not in facts:
                of = self.kind.value if self.date is None else self.date.field.value
                message = f"Notices of {of} do not say {condition.fact!r}."
                remedy = f"They say {', '.join(facts)}."
                raise InvalidValueError(message, value=condition.fact, remedy=remedy)

    def sends(self, kind: NoticeKind, facts: Mapping[str, Any]) -> bool:
        """Whether a notice goes to the endpoint."""
        if self.off or kind is not self.kind:
            return False
        if self.date is not None and self.date.to_json().items() - facts.items():
            return False
        return all(condition.holds(facts) for condition in self.conditions)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "kind": self.kind.value,
            "endpoint": self.endpoint,
            "conditions": [condition.to_json() for condition in self.conditions],
            "off": self.off,
        } | ({} if self.date is None else {"date": self.date.to_json()})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> NoticeRule:
        """The rule that `to_json` wrote."""
        conditions = tuple(map(Condition.from_json, value["conditions"]))
        on = value.get("date")
        offset = None if on is None else DateOffset.from_json(on)
        return cls(NoticeKind(value["kind"]), value["endpoint"], conditions, value["off"], offset)


@dataclass(frozen=True, slots=True)
class NoticeEndpoint:
    """Where notices go.

    Args:
        kind: How it is reached.
        target: URL of a webhook, or a mail address; of a customer "" until it is sent.
        off: Whether it is switched off; what waits for it waits on.

    Raises:
        InvalidValueError: The target is none. A webhook's URL is `https`; `http` is taken for
            loopback addresses alone.
    """

    kind: EndpointKind
    target: str
    off: bool = False

    def __post_init__(self) -> None:
        if self.kind is EndpointKind.CUSTOMER and not self.target:
            return
        fits = _is_url if self.kind is EndpointKind.WEBHOOK else _MAIL.fullmatch
        if not fits(self.target):
            message = f"{self.target!r} is not the target of a {self.kind.value}."
            remedy = (
                "Give an https URL without user and fragment."
                if self.kind is EndpointKind.WEBHOOK
                else "Give one mail address."
            )
            raise InvalidValueError(message, value=self.target, remedy=remedy)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"kind": self.kind.value, "target": self.target, "off": self.off}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> NoticeEndpoint:
        """The endpoint that `to_json` wrote."""
        return cls(EndpointKind(value["kind"]), value["target"], value["off"])


def _is_url(text: str) -> bool:
    match = _URL.fullmatch(text) if len(text) <= _URL_MAX else None
    if match is None or int(match["port"] or 1) not in range(1, _PORT_MAX + 1):
        return False
    return match["scheme"] == "https" or _is_loopback(match["host"].strip("[]"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_name(name: str) -> str:
    """A name that a rule or an endpoint may have.

    Raises:
        InvalidValueError: It is none.
    """
    if not _NAME.fullmatch(name):
        message = f"{name!r} is not a name of 1 to 40 small letters, digits and hyphens."
        raise InvalidValueError(message, value=name)
    return name
