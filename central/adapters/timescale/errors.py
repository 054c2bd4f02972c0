"""What PostgreSQL's errors mean to a use-case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from central.service.ports.faults import StoreFaultError, StoreUnfitError
from central.service.ports.ingest import PoisonError, StoreUnavailableError
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.plain_text import plain

# Data exception, integrity constraint violation, program limit exceeded (a key too long for its
# index): the same data will fail again.
_POISON_CLASSES = ("22", "23", "54")
# Connection, transaction, resources, an operator, the system below: these pass.
_PASSING_CLASSES = ("08", "25", "40", "53", "55", "57", "58")
# Permission denied; no such table, column, function, object, schema, database or role.
_UNFIT = frozenset(
    {"42501", "42P01", "42703", "42883", "42704", "3F000", "3D000", "0P000", "28000", "28P01"}
)
_UNENCODABLE = "22021"
_UNSENDABLE = "22000"
_DETAIL_MAX = 300
_REMEDY = "Run `meterline-central migrate` of this release as the database's owner."


@contextmanager
def translated() -> Iterator[None]:
    """Raise a port's errors in place of the driver's.

    Raises:
        PoisonError: The data is refused: SQLSTATE class 22, 23 or 54, or no bytes can be made of
            it.
        StoreUnfitError: The deployment is at fault.
        StoreFaultError: Nobody knows.
        StoreUnavailableError: It passes: connection, transaction, resources, memory.
    """
    try:
        yield
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        message = f"No connection to the database is free: {str(error).rstrip('.')}."
        raise StoreUnavailableError(message) from error
    except psycopg.Error as error:
        raise meaning_of(error) from error
    except UnicodeEncodeError as error:
        message = f"The database's encoding cannot store the data: {error.reason}."
        raise PoisonError(message, value=_UNENCODABLE) from error
    except (OSError, MemoryError) as error:
        message = f"The database is unusable: {str(error).rstrip('.')}."
        raise StoreUnavailableError(message) from error


def meaning_of(error: psycopg.Error) -> MeterlineError:
    """The port's error for one of the driver's."""
    state = error.sqlstate or ""
    said = str(error).strip().splitlines()
    detail = plain(said[0] if said else type(error).__name__, _DETAIL_MAX).rstrip(".")
    if state[:2] in _POISON_CLASSES or (not state and isinstance(error, psycopg.DataError)):
        # The driver finds a NUL before the server does.
        state = state or (_UNENCODABLE if "NUL" in detail else _UNSENDABLE)
        return PoisonError(f"The database refused the data ({state}): {detail}.", value=state)
    if state in _UNFIT:
        message = f"The database's schema does not fit this release ({state}): {detail}."
        return StoreUnfitError(message, value=state, remedy=_REMEDY)
    connection = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if state[:2] in _PASSING_CLASSES or (not state and connection):
        message = f"The database is unavailable ({state or 'no SQLSTATE'}): {detail}."
        return StoreUnavailableError(message, value=state or None)
    message = f"The database failed ({state or type(error).__name__}): {detail}."
    return StoreFaultError(message, value=state or None)
