"""What happens in the demo, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from central.adapters.documents.invoice import render_invoice
from central.adapters.embedded.child import SupervisedChild
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.migrate import migrate
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from central.config.settings import Settings
from central.demo.console import BillRow, DemoConsole
from central.demo.customers import customer_file
from central.demo.diary import Play, content_of, read_diary, write_diary
from central.demo.households import HOUSEHOLDS, STEP
from central.demo.late_readings import LateReading, adjust, late_day, read_late, was_played
from central.demo.people import let_in
from central.demo.servers import FIELD, INVOICES, Servers, database_of, start_servers
from central.demo.virtual_meters import (
    GATEWAY,
    PERIOD_S,
    Scene,
    first_instant,
    serve,
    set_scene,
    write_gateway_config,
)
from central.domain.actor import Actor, ActorKind, Via
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.tariff.load.document import load_tariff
from central.process.services import timescale_services
from central.process.start import ended
from central.process.worker import run_worker
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.gateways.enrolment import enrol_gateway
from central.service.ports.billing import BillHead, RunSummary
from central.service.registry.import_customers import import_customers
from central.service.registry.register import Enrol
from central.service.validation.tally import Tally
from central.service.validation.validate import Validate
from firmware_bridge.contract.errors import EnvironmentFaultError
from firmware_bridge.contract.interval import floor_boundary
from firmware_bridge.contract.reading import Source
from firmware_bridge.simulator.load import read_load
from firmware_bridge.simulator.meter import wall_clock

TARIFF = Path(__file__).with_name("residential-tou.yaml")
CLERK, SUPERVISOR = (
    Actor(ActorKind.PERSON, name, Via.COMMAND) for name in ("demo-clerk", "demo-supervisor")
)
_POLL_S, _LOOK_S = 0.25, 1.0


class PartEndedError(EnvironmentFaultError):
    """A process of the demo ended by itself."""

    code = "DEMO_PART_ENDED"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    Args:
        home: The demo's folder.
        once: End by itself instead of keeping the dashboard open.
        intervals: A load of the user's own for the first household.
        tariff: The tariff document that all households have.
        port: Of the dashboard; 0 takes a free one.
        anew: Forget what an earlier demo played.
        people: Add people, and ask at the pages who somebody is.
    """

    home: Path
    once: bool = False
    intervals: Path | None = None
    tariff: Path = TARIFF
    port: int = 0
    anew: bool = False
    people: bool = False


async def play(
    wish: Wish,
    console: DemoConsole,
    leave: asyncio.Event,
    now: Callable[[], datetime] = wall_clock,
) -> int:
    """Play the demo.

    Args:
        wish: What to play.
        console: Where to show it.
        leave: Set when the user has seen enough.
        now: The present, aware.

    Returns:
        How many bills are held; 0 when all is well.

    Raises:
        MeterlineError: Something is in the way; says what.
    """
    text = wish.tariff.read_text(encoding="utf-8")
    document = load_tariff(text, file=wish.tariff.name)
    load = None if wish.intervals is None else read_load(wish.intervals)
    load_text = None if wish.intervals is None else wish.intervals.read_text(encoding="utf-8")
    scene = replace(set_scene(document.zone, now(), load), now=now)
    database = database_of(wish.home)
    content = content_of(database.binaries.major, text, load_text)
    earlier = None if wish.anew else read_diary(database.home)
    if earlier is not None and (earlier.content != content or earlier.opened > scene.cycle):
        earlier = None
    scene = replace(scene, opened=None if earlier is None else earlier.opened)
    with console.progress():
        step = console.step("Start the servers")
        anew = earlier is None
        async with start_servers(wish.home, database, anew=anew) as servers, serve(scene) as meters:
            write_diary(database.home, Play(scene.first, content))
            dsn = servers.postgres.dsn
            await asyncio.to_thread(migrate, dsn)
            async with make_pool(dsn, max_size=8, name="meterline-demo") as pool:
                step.done(
                    f"PostgreSQL, {servers.broker.kind}, {len(meters.units)} meters on Modbus"
                )
                scenario = Scenario(servers, scene, pool, console)
                await scenario.enrol(document.tariff, (wish.tariff.name, text))
                async with scenario.field(meters.port):
                    await scenario.backfill()
                    await scenario.validate()
                    held = 0
                    for cycle in scene.cycles:
                        summary = await scenario.bill(cycle, wish.home / INVOICES / str(cycle))
                        held += summary.held_count
                    await scenario.correct()
                    await scenario.show(wish, summary, leave)
                    return held


class Scenario:
    """The steps, over running servers.

    Args:
        servers: The servers.
        scene: When it plays.
        pool: Connections in the application's role.
        console: Where to show it.
    """

    def __init__(self, servers: Servers, scene: Scene, pool: Pool, console: DemoConsole) -> None:
        self._servers = servers
        self._scene = scene
        self._pool = pool
        self._console = console
        self._now = scene.now
        self._services = timescale_services(pool, render_invoice, scene.now)
        self._parts: dict[str, SupervisedChild] = {}
        self._rows: list[BillRow] = []
        self._late: LateReading | None = None
        self._carried: list[str] = []

    async def enrol(self, tariff: str, document: tuple[str, str]) -> None:
        """Put gateway, points, meters, accounts and tariff into the registry."""
        step = self._console.step("Enrol customers")
        await enrol_gateway(TimescaleGatewayStore(self._pool), GATEWAY, CLERK, self._now)
        registry = TimescaleRegistry(self._pool)
        customers = customer_file(self._scene, tariff)
        done = await import_customers(
            registry, Enrol(registry, CLERK, self._now), customers, [document]
        )
        step.done(", ".join(f"{count} {kind}" for (kind, _), count in sorted(done.items())))

    @asynccontextmanager
    async def field(self, modbus_port: int) -> AsyncIterator[None]:
        """Run ingest and the gateway's agent, each in a process of its own."""
        broker = self._servers.broker
        config = self._servers.home / FIELD / "edge.toml"
        write_gateway_config(config, self._scene, broker.port, modbus_port)
        ingest_env = {
            "METERLINE_DATABASE": self._servers.postgres.dsn,
            "METERLINE_BROKER_HOST": broker.host,
            "METERLINE_BROKER_PORT": str(broker.port),
        }
        async with (
            self._servers.process(
                "ingest", "-m", "central.process.ingest", env=ingest_env
            ) as ingest,
            self._servers.process("edge", "-m", "edge_agent.cli", "run", "-c", str(config)) as edge,
        ):
            self._parts = {"ingest": ingest, "the gateway's agent": edge}
            yield

    async def backfill(self) -> None:
        """Wait until what the meters remember has come, through the whole path."""
        step = self._console.step("Back-fill the month")
        since, until = first_instant(self._scene), floor_boundary(self._scene.clock(), PERIOD_S)
        per_channel = (until - since) // STEP + 1
        while True:
            reached = await self._reached()
            done = sum(max((at - since) // STEP + 1, 0) for at in reached)
            total = max(len(reached), 1) * per_channel
            step.reach(done, total, f"{done:,} of {total:,} readings stored")
            if reached and min(reached) >= until:
                step.done(f"{done:,} readings over Modbus, SQLite, MQTT, ingest")
                return
            self._check_parts()
            await asyncio.sleep(_POLL_S)

    async def _reached(self) -> list[datetime]:
        """How far each meter's load profile is stored."""
        meters = await self._services.field.meters(now=self._now(), limit=100)
        return [
            channel.last_at or first_instant(self._scene) - STEP
            for meter in meters.rows
            for channel in await self._services.field.channels(meter.meter)
            if channel.source is Source.PROFILE
        ]

    def _check_parts(self) -> None:
        for name, part in self._parts.items():
            if not part.running:
                message = f"{name.capitalize()} ended: {part.log_tail()}"
                raise PartEndedError(message, remedy=f"See the logs in {self._servers.home}.")

    async def validate(self) -> None:
        """Make validated day blocks of the readings."""
        step = self._console.step("Validate")
        tally = await self._validation().until_idle(
            lambda so_far: step.reach(0, 1, f"{so_far.versions} days")
        )
        counts = f"{tally.versions} day blocks, {tally.findings} findings"
        step.done(f"{_closed(tally)}; {counts}")

    def _validation(self) -> Validate:
        # Where the meters' clocks stand, the days after are not over.
        return Validate(TimescaleValidationStore(self._pool), self._scene.clock)

    async def bill(self, cycle: Cycle, folder: Path) -> RunSummary:
        """Run a month's bills, have them approved and issued, and print them."""
        step = self._console.step("Rate and bill")
        self._rows.clear()
        self._carried.clear()
        store = TimescaleBillingStore(self._pool)
        summary = await RunBills(store, self._now)(cycle, CLERK)
        await ApproveBills(store, self._now).run(summary.run, SUPERVISOR)
        await IssueBills(store, self._now).run(summary.run, SUPERVISOR)
        heads = await store.heads(summary.run)
        step.done(f"{summary.bill_count} bills, {summary.held_count} held")
        step = self._console.step("Print invoices")
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        for number, head in enumerate(heads, start=1):
            self._rows.append(await self._print(store, head, folder))
            step.reach(number, len(heads), head.account)
        step.done(f"{sum(row.document is not None for row in self._rows)} PDF files")
        return await store.summary(summary.run)

    async def _print(self, store: TimescaleBillingStore, head: BillHead, folder: Path) -> BillRow:
        record = await store.bill(head.uid)
        if record is None or head.state is BillState.HELD:
            name = "" if record is None else record.bill.buyer.name
            reasons = ", ".join(hold.code for hold in head.holds)
            return BillRow(head.account, name, head.kwh, "—", f"held: {reasons}", None)
        self._carried += [
            f"{record.number} carries: {f'{line.name} {line.label}'.strip()}, {line.amount:+,.2f}"
            for line in (entry.line for entry in record.bill.lines)
            if line.adjusts is not None
        ]
        file = folder / f"{record.number or head.account}.pdf"
        file.write_bytes((await self._services.print_bill.file(str(head.uid))).content)
        return BillRow(
            head.account,
            record.bill.buyer.name,
            head.kwh,
            f"{head.total:,.2f} {head.currency}",
            head.state.value,
            file,
        )

    async def correct(self) -> None:
        """Have readings come late, once; the account's next bill carries the difference."""
        if await was_played(self._services):
            return
        day = late_day(self._scene.cycle)
        step = self._console.step("A late reading")
        late = await read_late(self._pool, self._services, self._scene, day, CLERK)
        step.done(f"{late.readings} readings of {day} are others than those billed")
        if late.report is not None:
            step = self._console.step("Correct")
            await adjust(self._services, CLERK, SUPERVISOR)
            sums = ", ".join(f"{each.amount:+,.2f} {each.currency}" for each in late.report.amounts)
            step.done(f"{late.report.account}: {sums}, on its next bill")
            self._late = late

    async def show(self, wish: Wish, summary: RunSummary, leave: asyncio.Event) -> None:
        """Print the bills and open the dashboard until the user leaves."""
        await self._services.field.refresh(self._now())
        self._console.close_progress()
        self._console.bills(str(self._scene.cycle), self._rows)
        for text in self._carried:
            self._console.print(text)
        if self._late is not None and self._late.report is not None:
            self._console.correction(self._late.report)
        for currency, total in summary.totals.items():
            self._console.print(f"Billed {summary.kwh:,.3f} kWh, {total:,.2f} {currency} in all.")
        self._console.print(f"Invoices: {wish.home / INVOICES / str(self._scene.cycle)}")
        if wish.once:
            return
        if wish.people:
            customers = {"lucia": HOUSEHOLDS[0].account, "ortega": HOUSEHOLDS[1].account}
            self._console.people(await let_in(self._services.people, SUPERVISOR, customers))
        settings = WebSettings(port=wish.port)
        async with serving(
            create_app(self._services, settings), self._services, settings
        ) as address:
            self._console.print(f"Dashboard: {address}   (Ctrl-C ends the demo)")
            async with self._working() as worker:
                while not leave.is_set():
                    self._check_parts()
                    if worker.done():
                        worker.result()
                    try:
                        await asyncio.wait_for(leave.wait(), timeout=_LOOK_S)
                    except TimeoutError:
                        continue

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[asyncio.Task[None]]:
        """Be a worker by the clock of the meters: it validates, and does the jobs that are due."""
        settings = Settings(database=SecretStr(self._servers.postgres.dsn), audit_anchor_file=None)
        worker = asyncio.create_task(run_worker(settings, self._scene.clock))
        try:
            yield worker
        finally:
            await ended(worker)


def _closed(tally: Tally) -> str:
    """Which days were closed, in words."""
    if tally.span is None:
        return "no day is over since the last time"
    first, last = tally.span
    days = str(first) if first == last else f"{first} to {last}"
    return f"closed {days}"
