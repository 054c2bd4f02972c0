"""What PostgreSQL's errors mean to a use-case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from central.service.ports.ingest import PoisonError, StoreUnavailableError

# Data exception, and integrity constraint violation: the same data will fail again. Everything
# else is the connection's, the transaction's, the server's or an operator's doing.
_POISON_CLASSES = ("22", "23")


@contextmanager
def translated() -> Iterator[None]:
    """Raise a port's errors in place of the driver's.

    Raises:
        PoisonError: SQLSTATE class 22 or 23.
        StoreUnavailableError: Anything else.
    """
    try:
        yield
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        message = f"No connection to the database is free: {error}."
        raise StoreUnavailableError(message) from error
    except psycopg.Error as error:
        state = error.sqlstate or ""
        detail = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if state[:2] in _POISON_CLASSES:
            message = f"The database refuses the data ({state}): {detail}"
            raise PoisonError(message, value=state) from error
        message = f"The database is not available ({state or 'no SQLSTATE'}): {detail}"
        raise StoreUnavailableError(message, value=state or None) from error
