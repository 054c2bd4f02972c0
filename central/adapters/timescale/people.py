"""People, passwords and keys, on PostgreSQL; the statements are in `people.sql`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.access.policy import Permission, Principal, Role, Whose
from central.domain.actor import Actor, ActorKind, Via
from central.domain.audit.change import change
from central.service.ports.decisions import DecisionNote
from central.service.ports.people import ApiKey, NewKey, NewPerson, Person, ProvidedIdentity

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_CONNECT_S = 10
_NOTED_EVERY = timedelta(minutes=1)
_Row = tuple[Any, ...]


class TimescalePeople:
    """`PersonStore` over a pool of connections.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def has_people(self) -> bool:
        """See `PersonStore`."""
        row = await self._row("has_people", {})
        return row is not None and bool(row[0])

    async def people(self) -> list[Person]:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["people"])
                return [_person(row) for row in await cursor.fetchall()]

    async def person(self, name: str) -> Person | None:
        """See `PersonStore`."""
        row = await self._row("person", {"name": name})
        return None if row is None else _person(row)

    async def add(
        self, person: NewPerson, note: DecisionNote, identity: ProvidedIdentity | None = None
    ) -> bool:
        """See `PersonStore`."""
        is_free = False
        with translated():
            async with self._pool.connection() as connection, connection.transaction() as whole:
                values = {**_values(person), "now": note.at, "by": note.actor.key}
                if await (await connection.execute(_SQL["add"], values)).fetchone() is None:
                    raise psycopg.Rollback(whole)
                await _note(connection, "person.added", person.name, note, {}, _shown(person))
                is_free = identity is None or await _link(connection, person.name, identity, note)
                if not is_free:
                    raise psycopg.Rollback(whole)
        return is_free

    async def linked(self, identity: ProvidedIdentity) -> str | None:
        """See `PersonStore`."""
        row = await self._row("linked", asdict(identity))
        return None if row is None else str(row[0])

    async def link(self, name: str, identity: ProvidedIdentity, note: DecisionNote) -> bool:
        """See `PersonStore`."""
        is_free = False
        with translated():
            async with self._pool.connection() as connection, connection.transaction() as whole:
                await _locked(connection, name)
                values = {"name": name, "issuer": identity.issuer}
                row = await (await connection.execute(_SQL["unlink"], values)).fetchone()
                before = None if row is None else str(row[0])
                is_free = await _link(connection, name, identity, note, before)
                if not is_free:
                    raise psycopg.Rollback(whole)
        return is_free

    async def change(self, person: NewPerson, note: DecisionNote) -> None:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                before = await _locked(connection, person.name)
                await connection.execute(_SQL["change"], _values(person))
                old = {
                    "roles": sorted(before[0]),
                    "groups": sorted(before[1]),
                    "accounts": sorted(before[2]),
                }
                await _note(connection, "person.changed", person.name, note, old, _shown(person))

    async def set_disabled(self, name: str, note: DecisionNote, *, disabled: bool) -> None:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                before = await _locked(connection, name)
                at = note.at if disabled else None
                await connection.execute(_SQL["disable"], {"name": name, "disabled_at": at})
                await _end_all(connection, name, note.actor, note.at)
                old, new = {"disabled": before[3] is not None}, {"disabled": disabled}
                action = "person.disabled" if disabled else "person.enabled"
                await _note(connection, action, name, note, old, new)

    async def give_code(
        self, name: str, sha256: bytes, until: datetime, note: DecisionNote
    ) -> None:
        """See `PersonStore`."""
        values = {"name": name, "sha256": sha256, "until": until, "now": note.at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await _locked(connection, name)
                await connection.execute(_SQL["end_codes"], values)
                await connection.execute(_SQL["give_code"], {**values, "by": note.actor.key})
                new = {"until": until.isoformat()}
                await _note(connection, "person.invited", name, note, {}, new)

    async def take_code(self, sha256: bytes, name: str, password: str, now: datetime) -> str | None:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                values = {"sha256": sha256, "name": name, "now": now}
                row = await (await connection.execute(_SQL["take_code"], values)).fetchone()
                if row is None:
                    return None
                name = str(row[0])  # as it was added, whatever case was typed
                actor = Actor(ActorKind.PERSON, name, Via.DASHBOARD)
                await connection.execute(_SQL["set_password"], {"name": name, "password": password})
                await _end_all(connection, name, actor, now)
                note = DecisionNote(actor, "by a code", now)
                await _note(connection, "person.password_set", name, note, {}, {"password": "set"})
        return name

    async def password_of(self, name: str) -> tuple[str, str] | None:
        """See `PersonStore`."""
        row = await self._row("password_of", {"name": name})
        return None if row is None else (str(row[0]), str(row[1]))

    async def rehash(self, name: str, old: str, new: str) -> None:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection:
                await connection.execute(_SQL["rehash"], {"name": name, "old": old, "new": new})

    async def give_key(self, key: NewKey, note: DecisionNote) -> int:
        """See `PersonStore`."""
        values = {
            "sha256": key.sha256,
            "person": key.person,
            "label": key.label,
            "permissions": sorted(key.permissions),
            "until": key.until,
            "now": note.at,
            "by": note.actor.key,
        }
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await _locked(connection, key.person)
                row = await (await connection.execute(_SQL["give_key"], values)).fetchone()
                number = int(row[0]) if row else 0
                new = {
                    "person": key.person,
                    "label": key.label,
                    "permissions": sorted(key.permissions),
                    "until": key.until.isoformat(),
                }
                await _note(connection, "key.given", f"key {number}", note, {}, new)
        return number

    async def keys(self, person: str | None = None) -> list[ApiKey]:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["keys"], {"person": person})
                return [_key(row) for row in await cursor.fetchall()]

    async def use_key(self, sha256: bytes, now: datetime) -> tuple[ApiKey, Person] | None:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection:
                values = {"sha256": sha256, "now": now}
                row = await (await connection.execute(_SQL["use_key"], values)).fetchone()
                if row is None:
                    return None
                key = _key(row[:8])
                if key.seen_at is None or now - key.seen_at > _NOTED_EVERY:
                    noted = {"number": key.number, "now": now}
                    await connection.execute(_SQL["touch_key"], noted)
        return key, _person(row[8:])

    async def revoke_key(self, number: int, person: str | None, note: DecisionNote) -> bool:
        """See `PersonStore`."""
        values = {"number": number, "person": person, "now": note.at, "by": note.actor.key}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                row = await (await connection.execute(_SQL["revoke_key"], values)).fetchone()
                if row is None:
                    return False
                of = {"person": row[0], "label": row[1]}
                old, new = {"open": True, **of}, {"open": False, **of}
                await _note(connection, "key.revoked", f"key {number}", note, old, new)
        return True

    async def account_uids(self, accounts: frozenset[str]) -> list[str]:
        """See `PersonStore`."""
        with translated():
            async with self._pool.connection() as connection:
                values = {"accounts": sorted(accounts)}
                cursor = await connection.execute(_SQL["account_uids"], values)
                return [str(row[0]) for row in await cursor.fetchall()]

    async def is_inside(self, principal: Principal, whose: Whose, key: str, day: date) -> bool:
        """See `PersonStore`."""
        return await self._inside(principal, whose, key, day, issued=False)

    async def is_own_issued_bill(self, principal: Principal, bill: str, day: date) -> bool:
        """See `PersonStore`."""
        return await self._inside(principal, Whose.BILL, bill, day, issued=True)

    async def _inside(
        self, principal: Principal, whose: Whose, key: str, day: date, *, issued: bool
    ) -> bool:
        values = {
            "groups": sorted(principal.groups),
            "accounts": sorted(principal.accounts),
            "whose": whose.value,
            "key": key,
            "day": day,
            "issued": issued,
        }
        row = await self._row("is_inside", values)
        return row is not None and bool(row[0])

    async def _row(self, name: str, values: dict[str, Any]) -> _Row | None:
        with translated():
            async with self._pool.connection() as connection:
                return await (await connection.execute(_SQL[name], values)).fetchone()


def named_person(dsn: str, name: str) -> tuple[bool, Person | None]:
    """Whether there are people, and the one of a name; for a command, before it does anything.

    A database that does not answer, or has no such tables yet, is the command's own to report.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=_CONNECT_S) as connection:
            row = connection.execute(_SQL["has_people"]).fetchone()
            if row is None or not row[0]:
                return False, None
            row = connection.execute(_SQL["person"], {"name": name}).fetchone()
            return True, None if row is None else _person(row)
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return False, None
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None:  # the DSN cannot be read
            return False, None
        raise


async def _locked(connection: AsyncConnection[_Row], name: str) -> _Row:
    row = await (await connection.execute(_SQL["lock"], {"name": name})).fetchone()
    if row is None:
        message = f"nobody is called {name!r}"  # looked up before, and people are never deleted
        raise LookupError(message)
    return row


async def _link(
    connection: AsyncConnection[_Row],
    name: str,
    identity: ProvidedIdentity,
    note: DecisionNote,
    before: str | None = None,
) -> bool:
    values = {"name": name, **asdict(identity), "now": note.at, "by": note.actor.key}
    if await (await connection.execute(_SQL["link"], values)).fetchone() is None:
        return False
    old = {} if before is None else {"issuer": identity.issuer, "subject": before}
    await _note(connection, "person.linked", name, note, old, asdict(identity))
    return True


async def _end_all(
    connection: AsyncConnection[_Row], name: str, ended_by: Actor, now: datetime
) -> None:
    values = {"name": name, "by": ended_by.key, "now": now}
    await connection.execute(_SQL["end_sessions"], values)
    await connection.execute(_SQL["end_codes"], {"name": name, "now": now})


async def _note(  # noqa: PLR0913, PLR0917 - a row of the log
    connection: AsyncConnection[_Row],
    action: str,
    subject: str,
    note: DecisionNote,
    old: dict[str, Any],
    new: dict[str, Any],
) -> None:
    detail = change(old, new, note.reason)
    await audit(connection, note.at, note.actor, action, subject, detail)


def _values(person: NewPerson) -> dict[str, Any]:
    return {"name": person.name, **_shown(person)}


def _shown(person: NewPerson) -> dict[str, Any]:
    return {
        "roles": sorted(person.roles),
        "groups": sorted(person.groups),
        "accounts": sorted(person.accounts),
    }


def _person(row: _Row) -> Person:
    name, roles, groups, accounts, *rest = row
    return Person(name, frozenset(map(Role, roles)), frozenset(groups), frozenset(accounts), *rest)


def _key(row: _Row) -> ApiKey:
    number, person, label, permissions, *rest = row
    return ApiKey(number, person, label, frozenset(map(Permission, permissions)), *rest)
