"""What the tables say, now or as of a time."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.pool import Pool
from central.service.knowledge_time import KnowledgeTime

_COLUMNS = """
SELECT attrelid::regclass::text, array_agg(attname::text ORDER BY attnum) FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'as_of'::regnamespace AND attnum > 0
GROUP BY attrelid
"""
_SAID = sql.SQL(
    "SELECT count(*), md5(string_agg(md5(said::text), '' ORDER BY md5(said::text)))"
    " FROM (SELECT {} FROM {}) AS said"
)


_SHARED = frozenset({"block_heading", "line_form"})
"""What days and bills share; it says nothing by itself."""


async def columns_as_of(pool: Pool) -> dict[str, list[str]]:
    """The columns that answer as of a time, by table."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(_COLUMNS)).fetchall()
    by_table = {name.removeprefix("as_of."): columns for name, columns in rows}
    # Rows of sums are summed again, to fewer of them.
    return {table: by_table[table] for table in by_table.keys() - {"bill_tally", *_SHARED}}


async def table_hashes(
    pool: Pool,
    columns: dict[str, list[str]],
    tables: Iterable[str],
    knowledge: KnowledgeTime | None,
) -> dict[str, object]:
    """How many rows tables have and a hash over them; now, or as of a time."""
    answers: dict[str, object] = {}
    asked = pool if knowledge is None else as_of(pool, knowledge)
    async with asked.connection() as connection:
        for table in tables:
            schema = "public" if knowledge is None else "as_of"
            names = sql.SQL(", ").join(map(sql.Identifier, columns[table]))
            query = _SAID.format(names, sql.Identifier(schema, table))
            answers[table] = await (await connection.execute(query)).fetchone()
    return answers
