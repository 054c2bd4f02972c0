"""The roles of the database in containers, made by a real psql on a server of the test's own."""

from __future__ import annotations

import os
import subprocess

import psycopg
import pytest
from psycopg import errors

from central.adapters.embedded.binaries import wheel_binaries
from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.migrate import migrate
from tests.support.data import REPOSITORY
from tests.support.servers import fresh_folder

SCRIPT = REPOSITORY / "deploy" / "compose" / "database" / "roles.sql"
SECRETS = {"DATABASE_OWNER_PASSWORD": "it's the owner's", "DATABASE_PASSWORD": 'a "quoted" one'}


def test_the_services_own_nothing_and_the_owner_is_no_administrator() -> None:
    binaries = wheel_binaries()
    with fresh_folder() as home, EmbeddedPostgres(home, binaries, durable=False) as server:
        with psycopg.connect(server.dsn, autocommit=True) as admin:
            admin.execute("CREATE DATABASE meterline")
        dsn = server.dsn_for("meterline")
        done = subprocess.run(
            [binaries.folder / "psql", "--no-psqlrc", "--file", SCRIPT, dsn],
            env={"PATH": os.defpath, **SECRETS},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with psycopg.connect(dsn) as admin:
            hashed = admin.execute(
                "SELECT rolname, rolsuper, rolcreatedb, rolpassword LIKE 'SCRAM-SHA-256$%'"
                " FROM pg_authid WHERE rolname LIKE 'meterline\\_%' ORDER BY rolname"
            ).fetchall()
        assert hashed == [
            ("meterline_app", False, False, True),
            ("meterline_owner", False, False, True),
        ]
        assert migrate(server.dsn_for("meterline", "meterline_owner"), timescale=False)
        with psycopg.connect(server.dsn_for("meterline", "meterline_app")) as app:
            owned = app.execute(
                "SELECT count(*) FROM pg_class WHERE relowner = 'meterline_app'::regrole"
            ).fetchone()
            assert owned == (0,)
            assert app.execute("SELECT count(*) FROM bill").fetchone() == (0,)
            with pytest.raises(errors.InsufficientPrivilege):
                app.execute("DROP TABLE reading")
