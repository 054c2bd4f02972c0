"""The one policy: which role may do what, and whose data. What it does not allow is refused.

A use-case asks for one permission; a role is a set of permissions; somebody may have several roles.
Whose data somebody may see is said beside that: everybody's, or that of named groups, or that of
named accounts. Pages, endpoints and commands ask the same two questions of this module: may they at
all (`decide`), and if that hangs on whose data it is, is it inside of their limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from central.domain.actor import Actor
from firmware_bridge.contract.errors import OperatorError


class NotPermittedError(OperatorError):
    """The policy does not let somebody do it, or not with what they ask about."""

    code = "NOT_PERMITTED"
    default_remedy = "Ask an administrator for a role that may."


class Permission(StrEnum):
    """What a use-case asks for. Stored in keys of the API: never renamed."""

    OWN_SIGN_IN = "own-sign-in"
    SEARCH = "search"
    READ_FIELD = "read-field"
    READ_USAGE = "read-usage"
    READ_POINTS = "read-points"
    READ_CUSTOMERS = "read-customers"
    READ_BILLS = "read-bills"
    READ_OWN_BILLS = "read-own-bills"
    READ_OWN_USAGE = "read-own-usage"
    ASK_ABOUT_BILLS = "ask-about-bills"
    MANAGE_OWN_ACCOUNT = "manage-own-account"
    READ_LEDGER = "read-ledger"
    READ_RULES = "read-rules"
    READ_EXCEPTIONS = "read-exceptions"
    READ_REPORTS = "read-reports"
    READ_AUDIT = "read-audit"
    READ_PEOPLE = "read-people"
    INSTALL = "install"
    CHANGE_GATEWAYS = "change-gateways"
    DECIDE_READINGS = "decide-readings"
    SEND_EVENTS = "send-events"
    CHANGE_CUSTOMERS = "change-customers"
    PREPARE_BILLS = "prepare-bills"
    APPROVE = "approve"
    ISSUE_BILLS = "issue-bills"
    POST_ENTRIES = "post-entries"
    RUN_JOBS = "run-jobs"
    CHANGE_RULES = "change-rules"
    CHANGE_SETTINGS = "change-settings"
    BACK_UP = "back-up"
    ERASE_CUSTOMERS = "erase-customers"
    CHANGE_PEOPLE = "change-people"


MEANING: Final[Mapping[Permission, str]] = MappingProxyType(
    {
        Permission.OWN_SIGN_IN: "see and end their own sign-ins and keys",
        Permission.SEARCH: "find by name what they may see",
        Permission.READ_FIELD: "see gateways and what they report",
        Permission.READ_USAGE: "see meters, readings and intervals",
        Permission.READ_POINTS: "see service points",
        Permission.READ_CUSTOMERS: "see accounts, agreements, cycles, groups and moves",
        Permission.READ_BILLS: "see bills of every state, runs and corrections",
        Permission.READ_OWN_BILLS: "see issued bills of their own accounts",
        Permission.READ_OWN_USAGE: "see what their own accounts use and what it costs",
        Permission.ASK_ABOUT_BILLS: "ask about lines of issued bills of their own accounts",
        Permission.MANAGE_OWN_ACCOUNT: "set alerts of their own accounts",
        Permission.READ_LEDGER: "see the money of accounts",
        Permission.READ_RULES: "see tariffs, tables, rules, schedules and settings",
        Permission.READ_EXCEPTIONS: "see what waits for a decision",
        Permission.READ_REPORTS: "see reconciliation and the regulator's figures",
        Permission.READ_AUDIT: "see and check the audit log",
        Permission.READ_PEOPLE: "see who has which role, sign-in and key",
        Permission.INSTALL: "create service points, install and exchange meters",
        Permission.CHANGE_GATEWAYS: "enrol, configure, update and revoke gateways",
        Permission.DECIDE_READINGS: "edit, estimate and accept readings and exceptions",
        Permission.SEND_EVENTS: "send usage events and readings of others' systems",
        Permission.CHANGE_CUSTOMERS: "change accounts, agreements, cycles, groups; move people",
        Permission.PREPARE_BILLS: "run, discard, cancel and rebill bills; propose corrections",
        Permission.APPROVE: "approve what another proposed",
        Permission.ISSUE_BILLS: "issue approved bills",
        Permission.POST_ENTRIES: "post payments and other entries",
        Permission.RUN_JOBS: "start, set and pause scheduled jobs",
        Permission.CHANGE_RULES: "change tariffs, tables, holidays, limits and policies",
        Permission.CHANGE_SETTINGS: "change the seller and the settings of invoices",
        Permission.BACK_UP: "back up and restore the database",
        Permission.ERASE_CUSTOMERS: "erase a customer's personal data",
        Permission.CHANGE_PEOPLE: "add people, give roles, end others' sign-ins and keys",
    }
)


class Role(StrEnum):
    """What somebody is. Stored: never renamed."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    INSTALLER = "installer"
    BILLING_CLERK = "billing-clerk"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    CUSTOMER = "customer"


_P = Permission
_READS = frozenset(
    {
        _P.OWN_SIGN_IN,
        _P.SEARCH,
        _P.READ_FIELD,
        _P.READ_USAGE,
        _P.READ_POINTS,
        _P.READ_CUSTOMERS,
        _P.READ_BILLS,
        _P.READ_LEDGER,
        _P.READ_RULES,
        _P.READ_EXCEPTIONS,
        _P.READ_REPORTS,
    }
)
ROLES: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.VIEWER: _READS,
        Role.OPERATOR: _READS
        | {_P.DECIDE_READINGS, _P.CHANGE_GATEWAYS, _P.SEND_EVENTS, _P.RUN_JOBS, _P.INSTALL},
        Role.INSTALLER: frozenset(
            {
                _P.OWN_SIGN_IN,
                _P.SEARCH,
                _P.READ_FIELD,
                _P.READ_USAGE,
                _P.READ_POINTS,
                _P.INSTALL,
            }
        ),
        Role.BILLING_CLERK: _READS
        | {
            _P.DECIDE_READINGS,
            _P.SEND_EVENTS,
            _P.CHANGE_CUSTOMERS,
            _P.PREPARE_BILLS,
            _P.ISSUE_BILLS,
            _P.POST_ENTRIES,
        },
        Role.APPROVER: _READS | {_P.APPROVE, _P.READ_AUDIT},
        Role.ADMINISTRATOR: _READS
        | {
            _P.READ_AUDIT,
            _P.READ_PEOPLE,
            _P.CHANGE_PEOPLE,
            _P.CHANGE_RULES,
            _P.CHANGE_SETTINGS,
            _P.CHANGE_GATEWAYS,
            _P.RUN_JOBS,
            _P.ERASE_CUSTOMERS,
            _P.BACK_UP,
        },
        Role.CUSTOMER: frozenset(
            {
                _P.OWN_SIGN_IN,
                _P.READ_OWN_BILLS,
                _P.READ_OWN_USAGE,
                _P.ASK_ABOUT_BILLS,
                _P.MANAGE_OWN_ACCOUNT,
            }
        ),
    }
)

OF_NOBODY: Final = frozenset(
    {
        _P.OWN_SIGN_IN,
        _P.SEARCH,
        _P.READ_OWN_BILLS,
        _P.READ_OWN_USAGE,
        _P.ASK_ABOUT_BILLS,
        _P.MANAGE_OWN_ACCOUNT,
        _P.READ_RULES,
    }
)
"""Permissions whose use is about nobody else's data, or that answers within limits by itself."""


class Whose(StrEnum):
    """Whose data a request is about."""

    NOBODYS = "nobody's"
    EVERYBODYS = "everybody's"
    ACCOUNT = "account"
    BILL = "bill"
    POINT = "point"
    METER = "meter"
    METER_CHANNEL = "meter channel"
    POINT_CHANNEL = "point channel"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """What a route or a command asks.

    Args:
        permission: What whoever asks must have.
        whose: Whose data it shows or changes.
        customers: By which permission a customer may ask it of what is theirs; of bills, of those
            that are issued. None where no customer may.
    """

    permission: Permission
    whose: Whose = Whose.EVERYBODYS
    customers: Permission | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is signed in, by a session or by a key.

    Args:
        actor: In whose name things are done.
        permissions: What they may do.
        groups: Named groups whose points and accounts they may see; see `limited`.
        accounts: Numbers of accounts that they may see; see `limited`.
        limited: Whether they may see those only; False is everybody's.
    """

    actor: Actor
    permissions: AbstractSet[Permission]
    groups: frozenset[str] = field(default_factory=frozenset)
    accounts: frozenset[str] = field(default_factory=frozenset)
    limited: bool = False


class Decision(StrEnum):
    """What the policy says."""

    ALLOWED = "allowed"
    IF_INSIDE = "if inside"
    IF_OWN_AND_ISSUED = "if own and issued"
    REFUSED = "refused"
    OUTSIDE = "outside"


def decide(principal: Principal, rule: AccessRule) -> Decision:
    """Whether somebody may do what a rule is about.

    Returns:
        `IF_INSIDE` where it hangs on whether what is asked about is inside of their limits,
        `IF_OWN_AND_ISSUED` where it must be an issued bill of theirs, `OUTSIDE` where it is about
        everybody and they are limited.
    """
    if rule.permission not in principal.permissions:
        if rule.customers not in principal.permissions:
            return Decision.REFUSED
        of_bill = rule.whose is Whose.BILL
        return Decision.IF_OWN_AND_ISSUED if of_bill else Decision.IF_INSIDE
    if not principal.limited or rule.whose is Whose.NOBODYS:
        return Decision.ALLOWED
    return Decision.OUTSIDE if rule.whose is Whose.EVERYBODYS else Decision.IF_INSIDE


def permissions_of(roles: AbstractSet[Role]) -> frozenset[Permission]:
    """What somebody with some roles may do."""
    return frozenset().union(*(ROLES[role] for role in roles))


def roles_with(permission: Permission) -> list[Role]:
    """The roles that have a permission, in their order."""
    return [role for role in Role if permission in ROLES[role]]


def is_limited(
    roles: AbstractSet[Role], groups: AbstractSet[str], accounts: AbstractSet[str]
) -> bool:
    """Whether somebody sees the data of named groups and accounts only: every customer does."""
    return bool(groups or accounts) or Role.CUSTOMER in roles
