"""The policy by hand: who may what, told apart from the table that says so."""

from __future__ import annotations

import importlib.util

import pytest

from central.domain.access.policy import (
    MEANING,
    ROLES,
    AccessRule,
    Decision,
    Permission,
    Principal,
    Role,
    Whose,
    decide,
    is_limited,
    permissions_of,
    roles_with,
)
from tests.support.actors import person
from tests.support.data import REPOSITORY


def principal(
    *roles: Role, groups: tuple[str, ...] = (), accounts: tuple[str, ...] = ()
) -> Principal:
    limits = frozenset(groups), frozenset(accounts)
    limited = is_limited(frozenset(roles), *limits)
    return Principal(person("ana"), permissions_of(frozenset(roles)), *limits, limited=limited)


def test_nobody_prepares_and_approves_by_one_role() -> None:
    preparing = {Permission.PREPARE_BILLS, Permission.DECIDE_READINGS, Permission.CHANGE_RULES}
    for role, permissions in ROLES.items():
        assert not (Permission.APPROVE in permissions and permissions & preparing), role
    assert roles_with(Permission.APPROVE) == [Role.APPROVER]


def test_an_administrator_gives_rights_and_touches_no_bill() -> None:
    mine = ROLES[Role.ADMINISTRATOR]
    assert Permission.CHANGE_PEOPLE in mine
    bills = {Permission.PREPARE_BILLS, Permission.APPROVE, Permission.ISSUE_BILLS}
    assert not mine & (bills | {Permission.POST_ENTRIES})
    assert roles_with(Permission.CHANGE_PEOPLE) == [Role.ADMINISTRATOR]
    assert roles_with(Permission.ERASE_CUSTOMERS) == [Role.ADMINISTRATOR]


def test_a_viewer_changes_nothing_and_an_installer_sees_no_customer() -> None:
    changing = {each for each in Permission if not each.startswith(("read-", "own-", "search"))}
    assert not ROLES[Role.VIEWER] & changing
    customers = {Permission.READ_CUSTOMERS, Permission.READ_BILLS, Permission.READ_LEDGER}
    assert not ROLES[Role.INSTALLER] & customers
    assert ROLES[Role.CUSTOMER] == {
        Permission.OWN_SIGN_IN, Permission.READ_OWN_BILLS, Permission.READ_OWN_USAGE,
        Permission.ASK_ABOUT_BILLS,
        Permission.MANAGE_OWN_ACCOUNT,
    }  # fmt: skip


def test_every_permission_has_a_meaning_and_a_role() -> None:
    assert set(MEANING) == set(Permission)
    assert all(roles_with(permission) for permission in Permission)


@pytest.mark.parametrize(
    ("who", "rule", "wanted"),
    [
        (principal(), AccessRule(Permission.READ_RULES, Whose.NOBODYS), Decision.REFUSED),
        (principal(Role.VIEWER), AccessRule(Permission.READ_BILLS), Decision.ALLOWED),
        (principal(Role.VIEWER), AccessRule(Permission.APPROVE, Whose.BILL), Decision.REFUSED),
        (
            principal(Role.VIEWER, groups=("north",)),
            AccessRule(Permission.READ_BILLS),
            Decision.OUTSIDE,
        ),
        (
            principal(Role.VIEWER, groups=("north",)),
            AccessRule(Permission.READ_BILLS, Whose.BILL),
            Decision.IF_INSIDE,
        ),
        (
            principal(Role.VIEWER, groups=("north",)),
            AccessRule(Permission.READ_RULES, Whose.NOBODYS),
            Decision.ALLOWED,
        ),
        # A customer without an account sees nothing, and not everything.
        (
            principal(Role.CUSTOMER),
            AccessRule(Permission.READ_BILLS, Whose.BILL, Permission.READ_OWN_BILLS),
            Decision.IF_OWN_AND_ISSUED,
        ),
        (
            principal(Role.CUSTOMER, accounts=("A-1",)),
            AccessRule(Permission.READ_BILLS, Whose.BILL),
            Decision.REFUSED,
        ),
        (
            principal(Role.CUSTOMER, accounts=("A-1",)),
            AccessRule(Permission.READ_USAGE, Whose.ACCOUNT, Permission.READ_OWN_USAGE),
            Decision.IF_INSIDE,
        ),
        # Who may see use of everybody needs no customer's right, whose own has no limit.
        (
            principal(Role.INSTALLER),
            AccessRule(Permission.READ_BILLS, Whose.ACCOUNT, Permission.READ_OWN_USAGE),
            Decision.REFUSED,
        ),
    ],
)
def test_the_policy_decides(who: Principal, rule: AccessRule, wanted: Decision) -> None:
    assert decide(who, rule) is wanted


def test_whoever_is_limited_is_so_by_group_by_account_or_as_a_customer() -> None:
    nothing: frozenset[str] = frozenset()
    assert not is_limited({Role.VIEWER}, nothing, nothing)
    assert is_limited({Role.VIEWER}, {"north"}, nothing)
    assert is_limited({Role.VIEWER}, nothing, {"A-1"})
    assert is_limited({Role.CUSTOMER}, nothing, nothing)


def test_the_reference_of_permissions_is_current() -> None:
    path = REPOSITORY / "tools" / "permissions_reference.py"
    spec = importlib.util.spec_from_file_location("permissions_reference", path)
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    page = reference.PAGE.read_text(encoding="utf-8")
    assert page == reference.current(page), "run tools/permissions_reference.py"
