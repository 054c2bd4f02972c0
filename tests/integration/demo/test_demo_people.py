"""People of the demo sign in with what it showed them, once, and customers see their own alone."""

from __future__ import annotations

import io

from rich.console import Console

from central.adapters.timescale.pool import make_pool
from central.demo.console import DemoConsole
from central.demo.people import let_in
from central.domain.access.policy import Role
from tests.support.actors import CHIEF
from tests.support.office import ACCOUNTS, Office
from tests.support.servers import Database


async def test_each_role_is_let_in_by_a_password_that_is_shown_once(
    plain_filled: Database,
) -> None:
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        people = Office(pool).services().people
        customers = {"lucia": ACCOUNTS[0], "ortega": ACCOUNTS[1]}
        given = await let_in(people, CHIEF, customers)
        assert {each.role for each in given} == set(Role) - {Role.VIEWER}
        assert {each.name: each.account for each in given if each.account} == customers
        for each in given:
            assert each.password not in repr(each)
            assert await people.signed_in(each.name, each.password) == each.name
            assert await people.signed_in(each.name, f"{each.password}x") is None
        lucia = await people.named("lucia")
        assert set(lucia.roles) == {Role.CUSTOMER}
        assert set(lucia.accounts) == {ACCOUNTS[0]}
        assert await let_in(people, CHIEF, customers) == ()
    shown = io.StringIO()
    console = DemoConsole(Console(file=shown, width=100))
    console.people(given)
    assert all(each.password in shown.getvalue() for each in given)
    console.people(())
    assert "--anew" in shown.getvalue()
