"""Every protocol from end to end: virtual meters on real lines, the agent, a broker, a centre.

All devices are played at once, each protocol by processes of its own, and one agent reads them all
with the configuration that `simulate` printed; then each test looks at what arrived of one of them.
With METERLINE_SOAK=1 further variants of each protocol are played.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Quality, Source, TimeQuality
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import read_load
from firmware_bridge.simulator.meter import ACTIVE_POWER, ManualClock, VirtualMeter
from tests.support.bridge import Row, agent, configure, rows_of, run_bridge, run_edge, simulating
from tests.support.edge_centre import Centre, listening
from tests.support.servers import fresh_folder, mosquitto_program
from tests.support.size import sized

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = "roof-17"
KEY, AUTH_KEY = bytes(range(16)).hex(), bytes(range(16, 32)).hex()
KEYS = ("--key", KEY)
BOTH_KEYS = (*KEYS, "--auth-key", AUTH_KEY)
FROZEN = datetime(2026, 3, 1, 17, 20, tzinfo=UTC)
PATIENCE_S = 120
# Each takes 10 s: the registers move while they are read, and power flows both ways.
STEPS = ("0.0123", "-0.0042", "0.0317", "-0.0111")
SOAK = sized("METERLINE_SIMULATE_VARIANTS", 0, 1)

Expected = Callable[[VirtualMeter, datetime], int]


def register(code: Obis) -> Expected:
    return lambda meter, at: meter.register_wh(code, at)


def low_tariff(code: Obis) -> Expected:
    return lambda meter, at: meter.register_wh(code, at) // 3


def high_tariff(code: Obis) -> Expected:
    return lambda meter, at: meter.register_wh(code, at) - meter.register_wh(code, at) // 3


def signed_power(meter: VirtualMeter, at: datetime) -> int:
    return meter.show(ACTIVE_POWER, at).mantissa


TOTALS: Mapping[str, Expected] = {
    "1-0:1.8.0*255": register(ACTIVE_IMPORT),
    "1-0:2.8.0*255": register(ACTIVE_EXPORT),
}
IMPORT = {"1-0:1.8.0*255": register(ACTIVE_IMPORT)}
SIGNED = {**TOTALS, "1-0:16.7.0*255": signed_power}
TARIFFS: Mapping[str, Expected] = {
    "1-0:1.8.1*255": low_tariff(ACTIVE_IMPORT),
    "1-0:1.8.2*255": high_tariff(ACTIVE_IMPORT),
    "1-0:2.8.1*255": low_tariff(ACTIVE_EXPORT),
    "1-0:2.8.2*255": high_tariff(ACTIVE_EXPORT),
}
GAS = {"7-0:3.0.0*255": register(ACTIVE_IMPORT)}


@dataclass(frozen=True)
class Case:
    """Devices of one process, and what must arrive of them.

    Args:
        name: Of the test.
        options: Of `simulate`.
        codes: What each meter's reading must be.
        spelled: A meter's number in readings, from its plate.
        maker: Its manufacturer in readings.
        meters: How many there are.
        timed: Whether their telegrams carry the meter's time; else their clocks are stopped.
        gas: Whether a gas meter hangs behind it.
        silent: Which of them never answers, counted from 0.
        dead: What turns a table into that of a meter that is not there.
        sites: Lines.
        probe: Options of `probe`, where its proposal is used and not what `simulate` prints.
    """

    name: str
    options: tuple[str, ...]
    codes: Mapping[str, Expected] = field(default_factory=lambda: TOTALS)
    spelled: str = "{}"
    maker: str = "MTL"
    meters: int = 1
    timed: bool = True
    gas: bool = False
    silent: int | None = None
    dead: tuple[str, str] | None = None
    sites: int = 1
    probe: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def first(self) -> int:
        """The first meter's number; no two cases share one."""
        return 1_001 + 10 * CASES.index(self)

    def serials(self) -> list[str]:
        """Of the meters that answer, as readings spell them."""
        numbers = range(self.first, self.first + self.meters)
        return [
            self.spelled.format(number)
            for place, number in enumerate(numbers)
            if place != self.silent
        ]


def mapped(name: str, maker: str, codes: Mapping[str, Expected], *, timed: bool = False) -> Case:
    """A device of a mapping that ships with Meterline."""
    return Case(name, ("mqtt_native", "--device", name), codes, maker=maker, timed=timed)


MBUS, SML = "{:08d}", "1MTL00{:08d}"
PTY = "--pty"
TESTED = (
    Case(
        "modbus-tcp",
        ("modbus",),
        maker="MLN",
        meters=2,
        timed=False,
        dead=("= 2\n", "= 9\n"),
        probe=("--units", "1-3"),
    ),
    Case("modbus-rtu", ("modbus", PTY), maker="MLN", meters=3, timed=False, silent=1),
    Case("dsmr-5", ("dsmr", PTY), TARIFFS, gas=True, probe=()),
    Case("dsmr-2.2", ("dsmr", "--p1-version", "2.2", PTY), TARIFFS, timed=False, gas=True),
    Case("dsmr-be", ("dsmr", "--p1-version", "be"), TARIFFS, gas=True),
    Case("dsmr-lu", ("dsmr", "--p1-version", "lu", *KEYS), gas=True, probe=KEYS),
    Case("sml-pty", ("sml", PTY), SIGNED, SML, probe=("--protocol", "sml")),
    Case("sml-tcp", ("sml",), SIGNED, SML, meters=2, sites=2),
    Case("mbus-primary", ("mbus", PTY), spelled=MBUS, meters=3, silent=1),
    Case("mbus-secondary", ("mbus", "--secondary"), spelled=MBUS, meters=2),
    Case(
        "mbus-fixed",
        ("mbus", "--fixed", PTY),
        IMPORT,
        MBUS,
        "unknown",
        timed=False,
        probe=("--protocol", "mbus"),
    ),
    Case("wmbus-5", ("wmbus", "--security", "5", *KEYS, PTY), spelled=MBUS, meters=2, probe=KEYS),
    Case(
        "wmbus-7",
        ("wmbus", "--security", "7", *KEYS, "--framing", "rtl_wmbus"),
        spelled=MBUS,
        probe=("--protocol", "wmbus", *KEYS),
    ),
    Case("dlms-hdlc", ("dlms", PTY, "--segment", "60"), probe=("--protocol", "dlms")),
    Case(
        "dlms-wrapper",
        ("dlms", "--dlms-link", "wrapper", *BOTH_KEYS),
        probe=("--protocol", "dlms", *BOTH_KEYS),
    ),
    Case("iec-b", ("iec62056_21", "--mode", "B", PTY)),
    Case("iec-c", ("iec62056_21", PTY), probe=("--timeout-s", "0.3")),
    Case("iec-d", ("iec62056_21", "--mode", "D", PTY), timed=False, probe=()),
    Case("tasmota", ("mqtt_native",), spelled="tasmota_{}", maker="Tasmota", meters=2),
    Case(
        "native",
        ("mqtt_native", "--device", "native-msgpack"),
        probe=("--protocol", "mqtt_native", "--topic", "meters/#"),
    ),
    mapped("homewizard-p1", "HomeWizard", SIGNED),
)
SOAKED = (
    Case("dsmr-4", ("dsmr", "--p1-version", "4"), TARIFFS, gas=True, probe=()),
    Case("wmbus-none", ("wmbus", "--framing", "frames-b"), spelled=MBUS, meters=2, probe=()),
    Case(
        "wmbus-stripped",
        ("wmbus", "--framing", "stripped", PTY),
        spelled=MBUS,
        meters=2,
        probe=("--protocol", "wmbus"),
    ),
    Case("wmbus-amber", ("wmbus", "--framing", "amber", PTY), spelled=MBUS, meters=2, probe=()),
    Case(
        "wmbus-imst",
        ("wmbus", "--framing", "imst", "--security", "7", *KEYS),
        spelled=MBUS,
        probe=KEYS,
    ),
    Case("wmbus-cul", ("wmbus", "--framing", "cul", PTY), spelled=MBUS, meters=2, probe=()),
    Case("wmbus-cul-b", ("wmbus", "--framing", "cul-b"), spelled=MBUS, probe=()),
    Case("wmbus-rtl_433", ("wmbus", "--framing", "rtl_433"), spelled=MBUS, probe=()),
    Case("dlms-hdlc-keys", ("dlms", *BOTH_KEYS, PTY, "--block", "60"), probe=BOTH_KEYS),
    Case("dlms-mbus", ("dlms", "--dlms-link", "mbus", "--segment", "50", PTY), probe=()),
    Case("iec-a", ("iec62056_21", "--mode", "A", PTY), probe=()),
    Case("iec-c-tcp", ("iec62056_21",), probe=()),
    Case("mbus-tcp", ("mbus", "--first-address", "3"), spelled=MBUS, meters=4, probe=()),
    Case(
        "modbus-rtu-19200",
        ("modbus", PTY, "--baudrate", "19200", "--profile", "eastron-sdm630"),
        {"1-0:1.8.0*255": lambda meter, at: meter.register_wh(ACTIVE_IMPORT, at) // 10 * 10},
        maker="EASTRON",
        timed=False,
        probe=(),
    ),
    Case(
        "shelly1",
        ("mqtt_native", "--device", "shelly1"),
        spelled="shellyem-{}",
        maker="Shelly",
        timed=False,
        probe=("--protocol", "mqtt_native", "--topic", "shellies/#"),
    ),
    Case(
        "shelly2",
        ("mqtt_native", "--device", "shelly2"),
        spelled="shellypro3em-{}",
        maker="Shelly",
        probe=("--protocol", "mqtt_native", "--topic", "+/events/rpc"),
    ),
    Case(
        "zigbee2mqtt",
        ("mqtt_native", "--device", "zigbee2mqtt"),
        spelled="0x00158d00{:08x}",
        timed=False,
        probe=("--protocol", "mqtt_native", "--topic", "zigbee2mqtt/#"),
    ),
    Case("native-json", ("mqtt_native", "--device", "native-json")),
    mapped("opendtu", "Hoymiles", {"1-0:2.8.0*255": register(ACTIVE_EXPORT)}),
    mapped("ahoydtu", "Hoymiles", {"1-0:2.8.0*255": register(ACTIVE_EXPORT)}),
    mapped("go-e", "go-e", IMPORT),
    mapped("esphome-dsmr", "ESPHome", {"1-0:1.8.1*255": register(ACTIVE_IMPORT)}),
    mapped("tasmota-script", "Tasmota", SIGNED, timed=True),
)
CASES = TESTED + (SOAKED if SOAK else ())


@dataclass(frozen=True)
class Outcome:
    """What the centre had in the end, and how the agent saw its meters."""

    rows: list[Row]
    meters: dict[str, dict[str, str | None]]
    load: Path

    def of(self, serial: str) -> list[Row]:
        return [row for row in self.rows if row.channel.serial == serial]

    def whole(self, case: Case) -> bool:
        """Whether all that is to come has come, twice where it moves."""
        serials = case.serials() + [gas_serial(case)] * case.gas
        for serial in serials:
            codes = GAS if serial == gas_serial(case) else case.codes
            rows = [row for row in self.of(serial) if row.channel.source is Source.LIVE]
            for code in codes:
                instants = {row.at for row in rows if str(row.channel.obis) == code}
                if len(instants) < (1 if codes is GAS else 2):
                    return False
        return True

    def virtual(self) -> VirtualMeter:
        """A meter of the same load in this process, to ask what it showed."""
        script = Script(loop=True)
        return compose("1", read_load(self.load), script=script, clock=ManualClock(FROZEN))


def gas_serial(case: Case) -> str:
    return f"7MTL{case.first + 1_000:010d}"


async def play_and_read(folder: Path, port: int) -> Outcome:
    load = folder / "load.csv"
    start = datetime(2026, 3, 1, tzinfo=UTC)
    rows = (
        f"{start + timedelta(seconds=10 * n):%Y-%m-%dT%H:%M:%SZ},{v}" for n, v in enumerate(STEPS)
    )
    load.write_text("start,kWh\n" + "\n".join(rows) + "\n")
    async with AsyncExitStack() as stack:
        starting = [_played(stack, case, load, port) for case in CASES]
        done = await asyncio.gather(*starting, return_exceptions=True)
        failed = [outcome for outcome in done if isinstance(outcome, BaseException)]
        assert not failed, failed
        played = [tables for tables in done if isinstance(tables, str)]
        config = configure(folder, GATEWAY, port, "\n".join(played))
        checked, said = await run_edge("check-config", "--config", str(config))
        assert checked == 0, said
        centre = Centre(GATEWAY)
        await stack.enter_async_context(listening(centre, port))
        async with agent(config):
            outcome = Outcome(rows_of(centre), {}, load)
            for _ in range(2 * PATIENCE_S):
                await asyncio.sleep(0.5)
                outcome = Outcome(rows_of(centre), {}, load)
                if all(map(outcome.whole, CASES)):
                    break
            _, health = await run_edge("status", "--json", "--config", str(config))
        return Outcome(outcome.rows, json.loads(health)["meters"], load)


async def _played(stack: AsyncExitStack, case: Case, load: Path, port: int) -> str:
    options = ["--protocol", *case.options, "--loop", "--serial", str(case.first)]
    options += ["--load", str(load)] * case.meters
    options += [] if case.timed else ["--frozen", f"{FROZEN:%Y-%m-%dT%H:%M:%S}+0000"]
    options += ["--gas", str(load)] if case.gas else []
    options += ["--silent", str(case.first + case.silent)] if case.silent is not None else []
    options += ["--port", str(port)] if case.options[0] == "mqtt_native" else []
    made = await stack.enter_async_context(simulating(*options, sites=case.sites))
    tables = made.configuration
    if case.probe is not None:
        tables = "\n".join([await _probed(case.probe, site, port) for site in made.sites])
    if case.dead is not None:
        table = tables.rpartition("[[meters]]")[2].replace(*case.dead)
        tables += "\n[[meters]]" + table.replace('name = "', 'name = "dead-', 1)
    return tables


async def _probed(options: tuple[str, ...], site: dict[str, Any], broker_port: int) -> str:
    """The proposal of `meterline-bridge probe` for a line."""
    where = [site["serial_port"]] if "serial_port" in site else [site["host"], "--port"]
    where += [str(site.get("port", broker_port))] if "host" in site else []
    for listen_s in (3, 30):  # on a busy machine a device may say nothing for a while
        listen = ["--listen-s", str(listen_s)] if site["protocol"] == "mqtt_native" else []
        code, out, err = await run_bridge("probe", *where, *options, *listen, "--json")
        if code == 0:
            break
    assert code == 0, (where, options, err)
    findings = [json.loads(line) for line in out.splitlines()]
    assert {found["protocol"] for found in findings} == {site["protocol"]}, (where, options)
    return "\n".join(found["configuration"] for found in findings)


@pytest.fixture(scope="module")
def outcome() -> Iterator[Outcome]:
    """One run of everything."""
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    with fresh_folder() as home, EmbeddedBroker(home / "b", kind=BrokerKind.MOSQUITTO) as broker:
        yield asyncio.run(play_and_read(home, broker.port))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_readings_are_exactly_what_the_registers_showed(
    case: Case, outcome: Outcome, record_property: Callable[[str, object], None]
) -> None:
    meter = outcome.virtual()
    compared = 0
    for serial in case.serials():
        rows = outcome.of(serial)
        assert {row.channel.manufacturer for row in rows} == {case.maker}
        for code, expected in case.codes.items():
            found = [row for row in rows if str(row.channel.obis) == code]
            unit = Unit.WATT if ".7." in code else Unit.WATT_HOUR
            assert {row.channel.unit for row in found} == {unit}, (serial, code)
            assert {row.quality for row in found} == {Quality.ACTUAL}
            for row in found:
                live = row.channel.source is Source.LIVE
                assert live or not case.timed
                by_meter = row.time_quality is TimeQuality.METER
                assert by_meter == (case.timed or not live)
                at = row.at if by_meter else FROZEN
                assert row.value == expected(meter, at), (serial, code, row.at)
                compared += 1
    assert outcome.whole(case)
    record_property(f"{case} readings equal to the register", compared)


@pytest.mark.parametrize("case", [case for case in CASES if case.gas], ids=str)
def test_a_gas_meter_behind_the_port_has_its_own_name_and_time(
    case: Case, outcome: Outcome
) -> None:
    meter = outcome.virtual()
    rows = outcome.of(gas_serial(case))
    assert rows
    for row in rows:
        assert (row.channel.manufacturer, str(row.channel.obis)) == ("MTL", *GAS)
        assert row.channel.unit is Unit.LITRE
        assert row.time_quality is TimeQuality.METER
        assert (row.at.minute % 5, row.at.second) == (0, 0)
        assert row.value == Decimal(meter.register_wh(ACTIVE_IMPORT, row.at))


def test_a_dead_slave_loses_only_its_own_readings(outcome: Outcome) -> None:
    failing = {name for name, facts in outcome.meters.items() if facts["failure"]}
    silent = {
        case.spelled.format(case.first + case.silent) for case in CASES if case.silent is not None
    }
    assert {name for name in failing if name.startswith("dead-")} == {"dead-MLN-1002"}
    assert {name.rpartition("-")[2] for name in failing if "dead" not in name} == silent
    assert not [row for row in outcome.rows if row.channel.serial in silent]
