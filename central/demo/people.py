"""People of the demo: one of each role, and two customers, with passwords that are shown once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from central.domain.access.policy import Role
from central.domain.actor import Actor
from central.service.people.people import People
from central.service.ports.people import NewPerson

_PASSWORD_BYTES = 12
_STAFF: Mapping[str, Role] = {
    # The first of all is an administrator.
    "admin": Role.ADMINISTRATOR,
    "operator-1": Role.OPERATOR,
    "clerk-1": Role.BILLING_CLERK,
    "approver-1": Role.APPROVER,
    "installer-1": Role.INSTALLER,
}


@dataclass(frozen=True, slots=True)
class DemoSignIn:
    """Who may sign in at the demo's pages.

    Args:
        name: To sign in with.
        role: What they are.
        account: Of a customer; "" of others.
        password: Shown once.
    """

    name: str
    role: Role
    account: str
    password: str = field(repr=False)


async def let_in(
    people: People, actor: Actor, customers: Mapping[str, str]
) -> tuple[DemoSignIn, ...]:
    """Add people to a demo that has none, so that its pages ask who somebody is.

    Args:
        people: The use-cases of people.
        actor: In whose name.
        customers: Account of each customer, by name.

    Returns:
        Each with a password; nobody where people were added before.
    """
    if await people.store.has_people():
        return ()
    given = []
    for name, role in (*_STAFF.items(), *((each, Role.CUSTOMER) for each in customers)):
        account = customers.get(name, "")
        accounts = frozenset({account}) if account else frozenset[str]()
        person = NewPerson(name, frozenset({role}), accounts=accounts)
        invited = await people.add(person, actor)
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        await people.choose_password(name, invited.code, password)
        given.append(DemoSignIn(name, role, account, password))
    return tuple(given)
