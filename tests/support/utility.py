"""A whole utility in processes of its own: meters on Modbus, agent, broker, ingest, database."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from central.adapters.embedded.broker import EmbeddedBroker
from central.adapters.embedded.child import SupervisedChild
from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.migrate import migrate
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.demo.servers import Servers
from central.service.gateways.enrolment import enrol_gateway
from firmware_bridge.contract.reading import Kind, Source
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator.meter import VirtualMeter
from firmware_bridge.simulator.modbus.server import VirtualModbusServer
from tests.support.actors import OPERATOR
from tests.support.servers import PostgresKind

GATEWAY = "acceptance-1"
PROFILE = "meterline-virtual"
PERIOD_S = 900


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Utility:
    """What runs, and where.

    Args:
        servers: Database, broker and folder.
        pool: Connections as the application.
        meters: By Modbus unit.
        since: Entries older than this are not asked for, by unit.
        modbus_port: Where the meters answer.
        doors: Ports at which processes reach the broker, by name; its own where none is said.
    """

    servers: Servers
    pool: Pool
    meters: Mapping[int, VirtualMeter]
    since: Mapping[int, datetime]
    modbus_port: int
    children: dict[str, SupervisedChild] = field(default_factory=dict)
    doors: dict[str, int] = field(default_factory=dict)

    @property
    def buffer(self) -> Path:
        return self.servers.home / "gateway" / "buffer.db"

    def configuration(self) -> Path:
        port = self.doors.get("edge", self.servers.broker.port)
        tables = [
            f'gateway = "{GATEWAY}"',
            f'broker = {{ url = "mqtt://127.0.0.1:{port}" }}',
            f"buffer = {{ path = {json.dumps(str(self.buffer))} }}",
            'clock = { source = "trusted" }',
        ]
        for unit in self.meters:
            tables += [
                "[[meters]]",
                f'name = "m{unit}"',
                'protocol = "modbus"',
                f"period_s = {PERIOD_S}",
                f"backfill_from = {self.since[unit].astimezone(UTC).isoformat()}",
                'host = "127.0.0.1"',
                f"port = {self.modbus_port}",
                f"unit_id = {unit}",
                f'profile = "{PROFILE}"',
            ]
        path = self.servers.home / "gateway" / "edge.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*tables, ""]))
        return path

    def start_ingest(self, name: str = "ingest") -> SupervisedChild:
        broker = self.servers.broker
        environment = {
            "METERLINE_DATABASE": self.servers.postgres.dsn,
            "METERLINE_BROKER_HOST": broker.host,
            "METERLINE_BROKER_PORT": str(self.doors.get(name, broker.port)),
        }
        child = self.servers.program(name, "-m", "central.process.ingest", env=environment)
        self.children[name] = child.start()
        return child

    def start_edge(self) -> SupervisedChild:
        arguments = ("-m", "edge_agent.cli", "run", "--config", str(self.configuration()))
        child = self.servers.program("edge", *arguments)
        self.children["edge"] = child.start()
        return child

    async def stored_until(self) -> dict[str, datetime | None]:
        """The latest load-profile reading of each meter's import channel, by serial number."""
        async with self.pool.connection() as connection:
            rows = await connection.execute(
                "SELECT m.serial, max(r.at) FROM meter m JOIN channel c ON c.meter_id = m.id"
                " LEFT JOIN reading r ON r.channel_id = c.id"
                " WHERE c.source = %s AND c.kind = %s GROUP BY m.serial",
                (int(Source.PROFILE), int(Kind.REGISTER)),
            )
            return dict(await rows.fetchall())

    async def wait_stored(self, until: Mapping[str, datetime], seconds: float) -> None:
        """Wait until every meter's profile is stored to its instant.

        Raises:
            TimeoutError: With how far each was.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            reached = await self.stored_until()
            late = {
                serial: reached.get(serial)
                for serial, at in until.items()
                if (stored := reached.get(serial)) is None or stored < at
            }
            if not late:
                return
            if asyncio.get_running_loop().time() > deadline:
                tails = {name: child.log_tail() for name, child in self.children.items()}
                message = f"not stored after {seconds:g} s: {late}\n{tails}"
                raise TimeoutError(message)
            await asyncio.sleep(0.2)


@contextmanager
def in_thread(server: VirtualModbusServer) -> Iterator[None]:
    """Serve from a loop in another thread."""
    started, leave = threading.Event(), threading.Event()

    async def serve() -> None:
        async with server:
            started.set()
            await asyncio.to_thread(leave.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        if not started.wait(10):
            message = "the meters did not start"
            raise TimeoutError(message)
        yield
    finally:
        leave.set()
        thread.join()


@asynccontextmanager
async def utility(  # noqa: PLR0913 - all but three have a default
    home: Path,
    kind: PostgresKind,
    meters: Mapping[int, VirtualMeter],
    since: Mapping[int, datetime],
    *,
    durable: bool = False,
    threaded: bool = False,
) -> AsyncIterator[Utility]:
    """Run database, broker and meters; ingest and edge are the caller's to start.

    Meters that sleep need a thread of their own.
    """
    profile = load_profile(PROFILE)
    async with AsyncExitStack() as stack:
        postgres = EmbeddedPostgres(home / "postgres", kind.binaries, durable=durable)
        await stack.enter_async_context(postgres)
        broker = await stack.enter_async_context(EmbeddedBroker(home / "broker"))
        await asyncio.to_thread(migrate, postgres.dsn)
        pool = await stack.enter_async_context(make_pool(postgres.dsn, max_size=4))
        await enrol_gateway(TimescaleGatewayStore(pool), GATEWAY, OPERATOR, now)
        server = VirtualModbusServer({unit: (meter, profile) for unit, meter in meters.items()})
        if threaded:
            await asyncio.to_thread(stack.enter_context, in_thread(server))
        else:
            await stack.enter_async_context(server)
        servers = Servers(home, postgres, broker)
        running = Utility(servers, pool, meters, since, server.port)
        try:
            yield running
        finally:
            for child in running.children.values():
                await asyncio.to_thread(child.stop)
