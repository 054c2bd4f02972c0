"""One run: devices, broker and centre under faults drawn from a seed, then a calm until all drains.

Nothing here is random but what the seed says, and no clock is read, so a seed that fails fails
again: `METERLINE_SEED=<seed> pytest tests/simulation`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from uuid import UUID, uuid5

from central.service.ingest.outcome import GatewayReply
from central.service.ports.ingest_records import FindingCode
from edge_agent.uplink.session_runner import SessionTime
from firmware_bridge.contract.messages import Start, encode_ack, encode_start
from firmware_bridge.contract.reading import from_ms, to_ms
from tests.simulation.broker import Agenda, Network, SimulatedBroker
from tests.simulation.centre import SimulatedCentre
from tests.simulation.device import GATEWAY, Device, Key, Record
from tests.support.actors import noted
from tests.support.hostile import bad_batches, bad_hellos

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
PERIOD_S = 900.0
STORM_S = 20 * PERIOD_S
LAST_POLL_S = STORM_S + 2 * PERIOD_S
CALM_S = 24 * 3600.0
FAULTS = ("kill", "broker", "centre", "backup", "restore", "clone", "retention", "clock")
EVIL = "evil"
# Of every third seed, so that the others run as they ever did.
HOSTILE_OF, HOSTILE_SEED = 3, 1
SPOILT = [
    *bad_hellos(numbers=False).values(),
    *bad_batches(EVIL, numbers=False).values(),
]
SPACE = UUID("0d0c7a52-6d0e-4b8f-9c7e-7a2b3f0f5a11")


@dataclass
class World:
    """Everything of one run."""

    seed: int
    folder: Path
    agenda: Agenda = field(default_factory=Agenda)
    record: Record = field(default_factory=Record)
    devices: list[Device] = field(default_factory=list)
    wall_jump: timedelta = timedelta()
    faults: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a run must repeat
        self._ids = 0
        stormy = Network(
            drop=self.random.choice([0.0, 0.05, 0.2]),
            double=self.random.choice([0.0, 0.1, 0.3]),
            delay_s=self.random.choice([0.1, 5.0, 40.0]),
        )
        self.broker = SimulatedBroker(self.agenda, self.random, stormy)
        self.centre = SimulatedCentre(self.random, self.wall, self._answer, self._announce)

    def wall(self) -> datetime:
        """True time."""
        return BEGIN + timedelta(seconds=self.agenda.now) + self.wall_jump

    def new_id(self) -> UUID:
        self._ids += 1
        return uuid5(SPACE, f"{self.seed}:{self._ids}")

    # --- what travels ---

    def _publish(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            self.broker.carry(partial(self.centre.arrive, GATEWAY, payload))

    def _answer(self, reply: GatewayReply) -> None:
        self._down(encode_ack(reply.ack))

    def _announce(self) -> None:
        self._down(encode_start(Start(self.new_id())))

    def _down(self, payload: bytes) -> None:
        async def deliver() -> None:
            for device in self.devices:
                if device.connected and device.runner is not None:
                    out = await device.runner.received(payload, self._moment(device))
                    self._publish(device.outgoing(out))

        self.broker.carry(deliver)

    def _moment(self, device: Device) -> SessionTime:
        return device.moment(self.agenda.now, self.wall())

    # --- what devices do ---

    def add(self, serial: str) -> Device:
        name = f"card{len(self.devices)}"
        random = Random(self.random.random())  # noqa: S311 - a run must repeat
        device = Device(self.folder / name, serial, self.record, random, self.new_id)
        device.released = partial(self._check_released, name)
        self.devices.append(device)
        return device

    def _check_released(self, name: str, keys: list[Key]) -> None:
        missing = [key for key in keys if key not in self.centre.ever]
        if missing:
            self.errors.append(f"{name} released {missing[:3]}, which the centre never had")

    async def poll(self, device: Device) -> None:
        """Store a cycle of one to twelve quarter-hours, as after an outage; then the next."""
        if self.agenda.now > LAST_POLL_S:
            return
        self.agenda.after(PERIOD_S, partial(self.poll, device))
        if device.runner is None:
            return
        boundary = to_ms(self.wall()) // 900_000 * 900_000
        depth = self.random.choice([1, 1, 1, 4, 12])
        fresh = [
            from_ms(boundary - 900_000 * back)
            for back in reversed(range(depth))
            if (device.serial, boundary - 900_000 * back) not in self.record.made
            or device is not self.devices[0]
        ]
        await device.store(self._moment(device), fresh)
        if self.random.random() < 0.05 and "kill" in self.faults:
            await self._kill(device)  # accepted, and not yet told to anybody
            return
        self._publish(device.outgoing(await device.runner.stored(self._moment(device))))

    async def connect(self, device: Device) -> None:
        """Try to be connected; one name has one connection, the newest."""
        self.agenda.after(self.random.uniform(5.0, 60.0), partial(self.connect, device))
        if device.connected or device.runner is None or not self.broker.up:
            return
        for other in self.devices:
            if other.connected and other.runner is not None:
                if self.random.random() < 0.8:
                    return  # the other holds on a little longer
                await self._disconnect(other)
        device.connected = True
        self._publish(device.outgoing(await device.runner.connected(self._moment(device))))

    async def wake(self, device: Device) -> None:
        """Tell the session that time has passed."""
        self.agenda.after(11.0, partial(self.wake, device))
        runner = device.runner
        if runner is None or runner.wake_at is None or runner.wake_at > self.agenda.now:
            return
        self._publish(device.outgoing(await runner.elapsed(self._moment(device))))

    async def _disconnect(self, device: Device) -> None:
        device.connected = False
        if device.runner is not None:
            await device.runner.disconnected(self._moment(device))

    # --- what goes wrong ---

    async def _kill(self, device: Device) -> None:
        await device.die()
        self.agenda.after(self.random.uniform(1.0, 2 * PERIOD_S), partial(self.boot, device))

    async def boot(self, device: Device) -> None:
        await device.boot(self._moment(device))

    async def fault(self, name: str) -> None:
        """One fault, now."""
        self.struck[name] += 1
        device = self.random.choice(self.devices)
        later = self.random.uniform(10.0, 2 * PERIOD_S)
        match name:
            case "kill":
                await self._kill(device)
            case "broker":
                self.broker.die()
                for each in self.devices:
                    await self._disconnect(each)
                self.agenda.after(later, self._raise_broker)
            case "centre":
                self.centre.kill()
                self.agenda.after(later, self._start_centre)
            case "backup":
                self.centre.back_up()
            case "restore":
                self.centre.restore()
            case "clone":
                await self._clone()
            case "retention":
                # Forty quiet days: what was acknowledged is pruned at the next cycle.
                self.wall_jump += timedelta(days=40)
            case "clock":
                device.wall_offset = timedelta(hours=self.random.choice([-30, -1, 0, 1, 30]))

    async def _raise_broker(self) -> None:
        self.broker.up = True

    async def _start_centre(self) -> None:
        self.centre.start()

    async def _clone(self) -> None:
        if len(self.devices) > 1:
            return
        (original,) = self.devices
        await original.die()
        twin = self.add(self.random.choice([original.serial, "M2"]))
        original.copy_to(twin)
        await self.boot(original)
        await self._begin(twin)

    async def _begin(self, device: Device) -> None:
        await self.boot(device)
        for job in (self.poll, self.connect, self.wake):
            self.agenda.after(self.random.uniform(0.0, 60.0), partial(job, device))

    # --- the run ---

    async def run(self) -> None:
        """Storm, then calm."""
        await self.centre.store.enrol(GATEWAY, noted(self.wall()))
        await self._begin(self.add("M1"))
        if self.seed % HOSTILE_OF == HOSTILE_SEED:
            await self._admit_hostile()
        self._every(lambda: self.random.uniform(1.0, 45.0), self.centre.work)
        self.faults = self.random.sample(FAULTS, self.random.randint(1, len(FAULTS)))
        if "restore" in self.faults:
            self.agenda.at(self.random.uniform(0.1, 0.3) * STORM_S, partial(self.fault, "backup"))
            self.agenda.at(self.random.uniform(0.8, 1.0) * STORM_S, partial(self.fault, "restore"))
        for name in self.faults:
            for _ in range(1 if name in {"retention", "clone"} else self.random.randint(1, 3)):
                self.agenda.at(self.random.uniform(0.1, 1.0) * STORM_S, partial(self.fault, name))
        await self.agenda.run_until(STORM_S)
        await self._calm()
        await self.agenda.run_until(STORM_S + CALM_S, self._is_drained)

    async def _admit_hostile(self) -> None:
        """A gateway that sends what cannot be read, and hellos that got past the codec."""
        await self.centre.store.enrol(EVIL, noted(self.wall()))
        random = Random(self.seed)  # noqa: S311 - a run must repeat
        for payload in random.sample(SPOILT, 30):
            when = random.uniform(0.0, STORM_S)
            self.agenda.at(when, partial(self.centre.arrive, EVIL, payload))
        for _ in range(4):
            when = random.uniform(0.0, STORM_S)
            self.agenda.at(when, partial(self.centre.take_hello, EVIL, "a\0b"))

    def _every(self, pause: Callable[[], float], job: Callable[[], Awaitable[None]]) -> None:
        async def again() -> None:
            await job()
            self.agenda.after(pause(), again)

        self.agenda.after(pause(), again)

    async def _calm(self) -> None:
        self.faults = []
        self.broker.network = Network(0.0, 0.0, 0.1)
        self.broker.up = True
        self.centre.fragile = False
        self.centre.store.failure = None
        self.centre.start()
        for device in self.devices:
            device.wall_offset = timedelta()
            await self.boot(device)

    def _is_drained(self) -> bool:
        return self.agenda.now > STORM_S + 1.5 * 3600.0 and all(
            device.buffer is not None and device.buffer.backlog == 0 for device in self.devices
        )

    # --- what must hold ---

    def verdict(self) -> list[str]:
        """Everything that is wrong; nothing in a run that kept its promises."""
        wrong = list(self.errors)
        state = self.centre.store.state
        serials = {meter: serial for (_, serial), meter in state.meters.items()}
        plates = {record.id: serials[record.meter_id] for record in state.channels.values()}
        stored = {(plates[c], at): value.mantissa for (c, at), value in state.readings.items()}
        lost = self._lost()
        for key, mantissa in self.record.made.items():
            if key not in stored:
                if not self.record.identities[key] & lost:
                    wrong.append(f"{key} is lost and not named so")
            elif stored[key] != mantissa:
                wrong.append(f"{key} is {stored[key]}, not {mantissa}")
        wrong += [f"{key} was never read" for key in stored if key not in self.record.made]
        wrong += [f"{c.channel_id} {c.at_ms} is in conflict" for c in state.conflicts.values()]
        total = sum(batch.stored for batch in state.batches.values())
        if total != len(stored):
            wrong.append(f"batches count {total} stored readings and there are {len(stored)}")
        for batch in state.batches.values():
            parts = batch.stored + batch.duplicate + batch.conflict + batch.new.quarantined
            if parts != (batch.new.received or 0):
                wrong.append(f"{batch.new.key} does not reconcile")
        for device in self.devices:
            backlog = -1 if device.buffer is None else device.buffer.backlog
            if backlog:
                wrong.append(f"{device.card.name} has {backlog} batches left")
        return wrong + self._wrong_alarms()

    def _lost(self) -> set[tuple[UUID, int]]:
        return {
            (finding.epoch, sequence)
            for finding in self.centre.store.state.findings.values()
            if finding.code is FindingCode.LOST_RANGE
            and finding.epoch is not None
            and finding.from_sequence is not None
            and finding.until_sequence is not None
            for sequence in range(finding.from_sequence, finding.until_sequence + 1)
        }

    def _wrong_alarms(self) -> list[str]:
        codes = {finding.code for finding in self.centre.findings.values()}
        wrong = []
        currents = {d.buffer.current for d in self.devices if d.buffer is not None}
        if len(currents) > 1 and FindingCode.TWO_LIVE_EPOCHS not in codes:
            wrong.append("two devices write epochs of their own and nobody was told")
        if len(self.devices) == 1 and FindingCode.TWO_LIVE_EPOCHS in codes:
            wrong.append("an alarm for two devices where there is one")
        return wrong

    async def close(self) -> None:
        for device in self.devices:
            await device.die()
