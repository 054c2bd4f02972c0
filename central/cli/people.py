"""`meterline-central user ...`: who may sign in, as what, and whose data they see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from central.adapters.argon2_hashes import Argon2Hashes
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    settings,
    show,
    wait_for,
)
from central.config.secret import SettingMissingError
from central.domain.access.policy import Role
from central.process.stores import open_stores
from central.service.people.people import Invited, People
from central.service.ports.decisions import DecisionNote
from central.service.ports.people import NewPerson, Person, ProvidedIdentity

users = group("Add people who sign in, and change what they may do.")
_Result = TypeVar("_Result")
Name = Annotated[str, typer.Argument(help="What they sign in with; it never changes.")]
Because = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")]
Roles = Annotated[list[Role], typer.Option("--role", help="A role; may be given several times.")]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", help="Group whose points and accounts they see; default: everybody's."),
]
Accounts = Annotated[
    list[str] | None,
    typer.Option("--account", help="Number of an account that they see; default: everybody's."),
]


def with_people(work: Callable[[People], Awaitable[_Result]]) -> _Result:
    """What a use-case of people gives."""

    async def whole() -> _Result:
        async with open_stores(settings(), "meterline-user", max_size=1) as stores:
            return await work(People(stores.people, Argon2Hashes(), lambda: datetime.now(UTC)))

    return wait_for(whole())


@users.command("add")
@answered
def add_command(  # noqa: PLR0913 - an option each
    name: Name,
    role: Roles,
    groups: Groups = None,
    accounts: Accounts = None,
    named: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Add somebody, and print the code they choose a password with; first an administrator."""
    person = NewPerson(name, frozenset(role), frozenset(groups or ()), frozenset(accounts or ()))
    actor = actor_of(named)
    _print_code(with_people(lambda people: people.add(person, actor)), as_json=as_json)


@users.command("list")
@answered
def list_command(*, as_json: AsJson = False) -> None:
    """List everybody who was ever added, with roles and limits."""
    people = with_people(lambda use_case: use_case.store.people())
    rows = [person.to_json() for person in people]
    if not as_json:
        many = ("roles", "groups", "accounts")
        rows = [{**row, **{key: ", ".join(row[key]) for key in many}} for row in rows]
    listed(rows, as_json=as_json, nothing="There is nobody yet: the operator token lets in.")


@users.command("roles")
@answered
def roles_command(  # noqa: PLR0913, PLR0917 - an option each
    name: Name,
    role: Roles,
    reason: Because,
    groups: Groups = None,
    accounts: Accounts = None,
    named: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give somebody other roles and limits, in place of all that they had."""
    person = NewPerson(name, frozenset(role), frozenset(groups or ()), frozenset(accounts or ()))
    actor = actor_of(named)
    changed = with_people(lambda people: people.change(person, actor, reason))
    _print_person(changed, as_json=as_json)


@users.command("invite")
@answered
def invite_command(
    name: Name, reason: Because, named: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Print a code that somebody chooses a new password with; it lasts a day and is used once."""
    actor = actor_of(named)
    _print_code(with_people(lambda people: people.invite(name, actor, reason)), as_json=as_json)


@users.command("link")
@answered
def link_command(  # noqa: PLR0913 - an option each
    name: Name,
    subject: Annotated[
        str, typer.Option(help="The provider's own identifier of them, `sub` in what it signs.")
    ],
    reason: Because,
    issuer: Annotated[
        str | None, typer.Option(help="The provider; default: METERLINE_OIDC_ISSUER.")
    ] = None,
    named: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let an identity provider vouch for somebody who is here already."""
    provider = issuer or settings().oidc_issuer
    if not provider:
        message = "No identity provider is named."
        raise SettingMissingError(message, remedy="Give --issuer, or set METERLINE_OIDC_ISSUER.")
    identity, actor = ProvidedIdentity(provider, subject), actor_of(named)
    linked = with_people(lambda people: people.link(name, identity, actor, reason))
    _print_person(linked, as_json=as_json)


@users.command("disable")
@answered
def disable_command(
    name: Name, reason: Because, named: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Keep somebody out at once: their sign-ins end, their keys count no longer."""
    _set_disabled(name, reason, named, disabled=True, as_json=as_json)


@users.command("enable")
@answered
def enable_command(
    name: Name, reason: Because, named: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Let somebody in again who was disabled."""
    _set_disabled(name, reason, named, disabled=False, as_json=as_json)


@users.command("reset-second-factor")
@answered
def reset_second_factor_command(
    name: Name, reason: Because, named: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Ask somebody for no code of an app any more, who lost it; their password holds."""
    actor = actor_of(named)

    async def work() -> Person:
        async with open_stores(settings(), "meterline-user", max_size=1) as stores:
            now = datetime.now(UTC)
            person = await People(stores.people, Argon2Hashes(), lambda: now).named(name)
            note = DecisionNote(actor, reason, now)
            await stores.second_factors.end_second_factor(person.name, note)
            return person

    _print_person(wait_for(work()), as_json=as_json)


def _set_disabled(
    name: str, reason: str, named: str | None, *, disabled: bool, as_json: bool
) -> None:
    actor = actor_of(named)
    person = with_people(lambda people: people.set_disabled(name, actor, reason, disabled=disabled))
    _print_person(person, as_json=as_json)


def _print_person(person: Person, *, as_json: bool) -> None:
    if as_json:
        show(person.to_json())
        return
    state = "disabled" if person.disabled_at else ", ".join(sorted(person.roles))
    typer.echo(f"{person.name}: {state}.")


def _print_code(invited: Invited, *, as_json: bool) -> None:
    if as_json:
        show({"name": invited.name, "code": invited.code, "until": invited.until.isoformat()})
        return
    typer.echo(f"Code of {invited.name}, shown once: {invited.code}")
    until = f"{invited.until:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"They choose a password with it at /welcome, until {until}.")
