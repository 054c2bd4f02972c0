"""Real servers for the tests, each found on this machine and run privately.

postgres        every PostgreSQL found (parametrised), running all session: `RunningPostgres`
migrated        a fresh database with the schema: `Database`, its DSN is `.dsn`; on each server with
                TimescaleDB and on one without, which the test's name chooses (`store_servers`);
                the mark `begins_with` names another template
plain_migrated  the same on the wheel's PostgreSQL alone, for what any server can show
filled          a fresh copy of an office with three households and their bills, on the same
plain_filled    the same on the wheel's PostgreSQL alone
database        a fresh empty database on the servers of a store
plain_database  a fresh empty database on the wheel's PostgreSQL alone
server_home     a folder for a server of the test's own
mosquitto       a private mosquitto for this test; `amqtt_broker` the fallback; `broker` both

`--bench` adds tests/benchmarks, which is not collected otherwise. `tests.support.size` says how
often long tests repeat, and METERLINE_SOAK collects their files alone.
"""

from __future__ import annotations

# First, since what it says holds for what is imported after it, and for all that tests start.
import tests.support.bytecode

# isort: split
# Before what it measures.
import tests.support.measured  # noqa: F401 - it begins to measure

# isort: split
import functools
import gc
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
import structlog
import typer.main
import typer.testing
from hypothesis import HealthCheck, settings

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker
from central.adapters.embedded.postgres import EmbeddedPostgres
from tests.support import measured, run_report
from tests.support.data import DEFAULT, VARIABLE, find_data
from tests.support.office import OFFICE
from tests.support.servers import (
    MIGRATED,
    STORES,
    Administrator,
    Database,
    PostgresKind,
    Template,
    asks_for_store,
    fast_folder,
    fresh_database,
    fresh_folder,
    mosquitto_program,
    postgres_servers,
    quick_server,
    store_servers,
)
from tests.support.size import QUICK, SOAK, is_sized

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

POSTGRES = postgres_servers()
ON_REQUEST = {"benchmarks": "--bench"}

# Typer makes all commands of a program anew whenever a test calls one: 50 ms for the centre's.
vars(typer.testing)["_get_command"] = functools.cache(typer.main.get_command)

# To print the variables of each frame takes ten seconds where one of them is a store in memory.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# How long an example takes says nothing on a machine that others use too.
settings.register_profile("test", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("test"), max_examples=10)
settings.load_profile("quick" if os.environ.get(QUICK) else "test")


class RunningPostgres(NamedTuple):
    """A server of the session, and what it is."""

    server: EmbeddedPostgres
    kind: PostgresKind


def pytest_addoption(parser: pytest.Parser) -> None:
    for folder, option in ON_REQUEST.items():
        parser.addoption(
            option,
            action="store_true",
            help=f"collect tests/{folder}, which are left out otherwise",
        )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "begins_with(template): what `migrated` and `plain_migrated` are copies of"
    )
    for plugin in run_report.plugins():
        config.pluginmanager.register(plugin)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what stays: thousands of tests and all that they import."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path.match("test_*.py"):
        if os.environ.get(SOAK):
            whole = config.rootpath / "tests" / "contract"
            long = is_sized(collection_path) or asks_for_store(collection_path)
            return None if long or whole in collection_path.parents else True
        if measured.METER is not None:
            return None if measured.is_measured(collection_path) else True
    option = ON_REQUEST.get(collection_path.name)
    if option is None or collection_path.parent != config.rootpath / "tests":
        return None
    return None if config.getoption(option) else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the fixtures that are a store its servers."""
    for fixture in STORES:
        if fixture in metafunc.fixturenames:
            kinds = store_servers(metafunc.definition.nodeid)
            metafunc.parametrize(fixture, kinds, indirect=True, ids=str)


def pytest_report_header() -> list[str]:
    mosquitto = mosquitto_program()
    data = find_data()
    return [
        f"postgresql: {', '.join(str(kind) for kind in POSTGRES)}",
        f"brokers: {f'{mosquitto}, ' if mosquitto else 'no mosquitto, '}amqtt",
        f"real data: {data or f'none ({VARIABLE} unset and {DEFAULT} missing)'}",
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted (`record_property`), whichever process ran them."""
    counted = [
        f"{report.nodeid.rpartition('::')[2]}: {name} {value}"
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
    ]
    if counted:
        terminalreporter.section("counted")
        for line in sorted(counted):
            terminalreporter.line(line)


class _Servers:
    """Starts each kind of server at its first use, and stops all at the end."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._running: dict[PostgresKind, EmbeddedPostgres] = {}
        self._administrators: dict[PostgresKind, Administrator] = {}

    def running(self, kind: PostgresKind) -> RunningPostgres:
        server = self._running.get(kind)
        if server is None:
            server = self._running[kind] = quick_server(self._home, kind)
        # A test may have killed it.
        return RunningPostgres(server.start(), kind)

    @contextmanager
    def copy(self, kind: PostgresKind, template: Template | None = MIGRATED) -> Iterator[Database]:
        """A fresh database on it."""
        server, _ = self.running(kind)
        administrator = self._administrators.get(kind)
        if administrator is None:
            administrator = self._administrators[kind] = Administrator(server)
        with fresh_database(server, kind, template, administrator) as fresh:
            yield fresh

    def stop(self) -> None:
        for administrator in self._administrators.values():
            administrator.close()
        for server in self._running.values():
            server.stop()


@pytest.fixture(scope="session")
def _servers() -> Iterator[_Servers]:
    with fast_folder() as home:
        servers = _Servers(home)
        yield servers
        servers.stop()


@pytest.fixture(params=POSTGRES, ids=str)
def postgres(request: pytest.FixtureRequest, _servers: _Servers) -> RunningPostgres:
    """Each PostgreSQL found, running; shared by the session, so leave no roles with passwords."""
    return _servers.running(request.param)


@pytest.fixture
def database(request: pytest.FixtureRequest, _servers: _Servers) -> Iterator[Database]:
    """A fresh empty database on the servers of a test of a store, for what migrates it itself."""
    with _servers.copy(request.param, None) as fresh:
        yield fresh


@pytest.fixture
def plain_database(_servers: _Servers) -> Iterator[Database]:
    """A fresh empty database on the wheel's PostgreSQL, for what any server can show."""
    with _servers.copy(POSTGRES[0], None) as fresh:
        yield fresh


@pytest.fixture
def migrated(request: pytest.FixtureRequest, _servers: _Servers) -> Iterator[Database]:
    """A fresh database with the newest schema on the servers of a test of a store."""
    with _servers.copy(request.param, _template(request)) as fresh:
        yield fresh


@pytest.fixture
def plain_migrated(request: pytest.FixtureRequest, _servers: _Servers) -> Iterator[Database]:
    """A fresh database with the newest schema on the wheel's PostgreSQL."""
    with _servers.copy(POSTGRES[0], _template(request)) as fresh:
        yield fresh


@pytest.fixture
def filled(request: pytest.FixtureRequest, _servers: _Servers) -> Iterator[Database]:
    """A fresh copy of a filled office on the same; `Office.open` finds its bills."""
    with _servers.copy(request.param, OFFICE) as fresh:
        yield fresh


@pytest.fixture
def plain_filled(_servers: _Servers) -> Iterator[Database]:
    """A fresh copy of a filled office on the wheel's PostgreSQL."""
    with _servers.copy(POSTGRES[0], OFFICE) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def shared_filled(_servers: _Servers) -> Iterator[Database]:
    """The same for the tests of a file that leave it as it was."""
    with _servers.copy(POSTGRES[0], OFFICE) as fresh:
        yield fresh


@pytest.fixture
def server_home() -> Iterator[Path]:
    """An empty folder in which a test may run servers of its own, as root too."""
    with fresh_folder() as home:
        yield home


@pytest.fixture
def mosquitto(server_home: Path) -> Iterator[EmbeddedBroker]:
    """A private mosquitto: MQTT 5 and 3.1.1."""
    with _broker(server_home, BrokerKind.MOSQUITTO) as running:
        yield running


@pytest.fixture
def amqtt_broker(server_home: Path) -> Iterator[EmbeddedBroker]:
    """A private amqtt: MQTT 3.1.1 only."""
    with _broker(server_home, BrokerKind.AMQTT) as running:
        yield running


@pytest.fixture(params=list(BrokerKind), ids=str)
def broker(request: pytest.FixtureRequest, server_home: Path) -> Iterator[EmbeddedBroker]:
    """Each kind of broker in turn."""
    with _broker(server_home, request.param) as running:
        yield running


def _template(request: pytest.FixtureRequest) -> Template:
    mark = request.node.get_closest_marker("begins_with")
    return MIGRATED if mark is None else mark.args[0]


def _broker(home: Path, kind: BrokerKind) -> EmbeddedBroker:
    if kind is BrokerKind.MOSQUITTO and mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    return EmbeddedBroker(home / kind, kind=kind)
