"""Asking the database one read at a time, with identifiers that come from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries

Record: TypeAlias = tuple[Any, ...]
_BIGINT_MAX = 2**63 - 1
_BIGINT_DIGITS = 19


class Asker:
    """Runs the named statements of one file.

    Args:
        pool: Connections in the application's role.
        path: The file.
    """

    def __init__(self, pool: Pool, path: Path) -> None:
        self._pool = pool
        self._queries = load_queries(path)

    def text(self, name: str) -> LiteralString:
        """A statement's text."""
        return self._queries[name]

    async def rows(
        self, name: str, values: Mapping[str, object], *, query: LiteralString | None = None
    ) -> list[Record]:
        """All rows of a statement.

        Args:
            name: The statement.
            values: Its parameters.
            query: Its text, where that was put together.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        with translated():
            async with self._pool.connection() as connection:
                # Not prepared: a filter that is not given should cost nothing, and only a plan
                # made for the values at hand knows which those are.
                cursor = await connection.execute(
                    query or self._queries[name], values, prepare=False
                )
                return await cursor.fetchall()

    async def row(self, name: str, values: Mapping[str, object]) -> Record | None:
        """The first row of a statement, if there is one.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        return next(iter(await self.rows(name, values)), None)


def as_bigint(identifier: str) -> int | None:
    """The key that an identifier spells, or None where it cannot be one."""
    if not (identifier.isascii() and identifier.isdigit() and len(identifier) <= _BIGINT_DIGITS):
        return None
    key = int(identifier)
    return key if key <= _BIGINT_MAX else None


def as_uuid(identifier: str) -> UUID | None:
    """The UUID that an identifier spells, or None where it is none."""
    try:
        return UUID(identifier)
    except ValueError:
        return None


def as_prefix(search: str) -> str:
    r"""The LIKE pattern of texts with this beginning; %, _ and \ mean themselves."""
    plain = search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    # PostgreSQL's text holds no NUL, so nothing begins with one.
    return f"{plain}%" if "\0" not in plain else "\\\\"


def as_text(name: str) -> str | None:
    """A name that the database's text can hold, or None."""
    return None if "\0" in name else name


def shown(identifiers: Sequence[object]) -> tuple[str | None, ...]:
    """Identifiers as the outside knows them."""
    return tuple(None if identifier is None else str(identifier) for identifier in identifiers)
