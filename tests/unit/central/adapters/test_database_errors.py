"""Whose fault each error of the database is."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from central.adapters.timescale.errors import meaning_of, translated
from central.service.ports.faults import StoreFaultError, StoreUnfitError
from central.service.ports.ingest import PoisonError, StoreUnavailableError
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.plain_text import flaw

POISON, AWAY, UNFIT, FAULT = PoisonError, StoreUnavailableError, StoreUnfitError, StoreFaultError


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (errors.CharacterNotInRepertoire("x"), POISON),
        (errors.NumericValueOutOfRange("x"), POISON),
        (errors.CheckViolation("x"), POISON),
        (errors.ProgramLimitExceeded("index row size 5000 exceeds maximum"), POISON),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), POISON),
        (errors.DeadlockDetected("x"), AWAY),
        (errors.SerializationFailure("x"), AWAY),
        (errors.AdminShutdown("x"), AWAY),
        (errors.TooManyConnections("x"), AWAY),
        (errors.DiskFull("x"), AWAY),
        (errors.QueryCanceled("canceling statement due to statement timeout"), AWAY),
        (errors.IdleInTransactionSessionTimeout("x"), AWAY),
        (errors.ReadOnlySqlTransaction("x"), AWAY),
        (errors.IoError("x"), AWAY),
        (psycopg.OperationalError("connection failed"), AWAY),
        (psycopg.InterfaceError("the connection is closed"), AWAY),
        (errors.UndefinedTable("x"), UNFIT),
        (errors.UndefinedColumn("x"), UNFIT),
        (errors.UndefinedFunction("x"), UNFIT),
        (errors.InsufficientPrivilege("x"), UNFIT),
        (errors.InternalError_("x"), FAULT),
        (errors.DatatypeMismatch("x"), FAULT),
        (psycopg.ProgrammingError("cannot adapt type"), FAULT),
    ],
)
def test_an_error_of_the_database_is_somebodys(
    error: psycopg.Error, meaning: type[MeterlineError]
) -> None:
    said = meaning_of(error)
    assert type(said) is meaning
    assert said.retryable == (meaning is AWAY)
    with pytest.raises(meaning), translated():
        raise error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), POISON),
        (ConnectionResetError(), AWAY),
        (MemoryError(), AWAY),
        (PoolTimeout("x"), AWAY),
    ],
)
def test_what_is_not_the_drivers_own_has_a_meaning_too(
    error: Exception, meaning: type[MeterlineError]
) -> None:
    with pytest.raises(meaning), translated():
        raise error


def test_what_the_server_quotes_can_be_kept() -> None:
    assert flaw(meaning_of(errors.CheckViolation("a\x1b[2J\x85b")).message) is None
