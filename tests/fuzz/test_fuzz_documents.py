"""Mutants of what teaches a gateway: valid or refused by name; and what valid ones read.

The documents are mutated as parsed, so that no case costs a file or a parser of TOML; the text of
files is `test_fuzz_files`. What a valid mutant explains is then read: registers of any content and
refused ones by a profile, mutated messages by a mapping, mutated telegrams by a list.
METERLINE_FUZZ and METERLINE_FUZZ_SEED as in `test_fuzz_decoders`.
"""

from __future__ import annotations

import os
import random
import tomllib
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, cast

import pytest

from edge_agent.config.settings import ConfigurationFileError, EdgeConfig, parse_config
from edge_agent.polling.meter_set import make_meter
from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.dlms.axdr import Tag
from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.dlms.layouts import TYPE_NAMES
from firmware_bridge.dlms.list_files import ListFileError, TaughtLists
from firmware_bridge.driver.interface import (
    MeterAnswerError,
    MeterRefusalError,
    ReadOut,
)
from firmware_bridge.driver.telegram import TelegramError
from firmware_bridge.modbus.driver import ModbusDriver
from firmware_bridge.modbus.endpoint import TcpEndpoint
from firmware_bridge.modbus.frames import REGISTER_SPACE, RegisterSpan
from firmware_bridge.modbus.link import ModbusLink
from firmware_bridge.modbus.profiles import MeterProfileError
from firmware_bridge.modbus.profiles.document import build as build_profile
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.mappings import MqttMappingError, MqttMappings
from firmware_bridge.mqtt_native.mappings.document import build as build_mapping
from firmware_bridge.mqtt_native.payload import dumped, parse_payload
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.dlms.encoding import octets
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock
from firmware_bridge.simulator.mqtt.mapped import Message, mapped_messages
from tests.fuzz.test_fuzz_decoders import mutate
from tests.fuzz.test_fuzz_files import CONFIGURATION
from tests.support.size import sized, timed_cases
from tests.support.spoilt_documents import spoilt
from tests.unit.firmware_bridge.dlms.test_list_files import BY_CODE, TWELVE
from tests.unit.firmware_bridge.dlms.test_list_layouts import SIZES, apdu, number

EXECUTIONS = sized("METERLINE_FUZZ", 20_000, 1_000_000)
SEED = int(os.environ.get("METERLINE_FUZZ_SEED", "1"))
LONGEST_S = 1.0
PORTS_END = 65_536
# A driver costs a hundred times what a table does.
DRIVERS_EVERY = 200
_REGISTERS = 4
NOWHERE = TcpEndpoint("localhost", 502)

Document = dict[str, Any]
# Uses a document, as drawn or spoilt; says how many values it read.
Use = Callable[[int, Document, random.Random], int]


def shipped(package: str) -> list[Document]:
    folder = files(package).iterdir()
    texts = sorted((e.name, e.read_text()) for e in folder if e.name.endswith(".toml"))
    return [tomllib.loads(text) for _, text in texts]


def singly(documents: Sequence[Document], key: str) -> list[Document]:
    """Each table of a list as a document, so that a mutant costs what one of them does."""
    return [{key: [one]} for document in documents for one in document[key]]


def in_parts(profile: Document) -> list[Document]:
    """A profile with a few of its registers at a time."""
    registers = profile["registers"]
    starts = range(0, len(registers), _REGISTERS)
    return [profile | {"registers": registers[at : at + _REGISTERS]} for at in starts]


PROFILES = [p for whole in shipped("firmware_bridge.modbus.profiles") for p in in_parts(whole)]
MAPPINGS = singly(shipped("firmware_bridge.mqtt_native.mappings"), "devices")
LISTS = singly(
    [tomllib.loads(TWELVE), tomllib.loads(BY_CODE), *shipped("firmware_bridge.dlms.shipped_lists")],
    "lists",
)
WORDS = (0, 1, 2, 0x0102, 0x3132, 0x4142, 0x7FC0, 0x7FFF, 0x8000, 0x9999, 0xFFFF)


class AnyRegisters:
    """A device that has anything in its registers, and refuses some of them."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    async def read(self, span: RegisterSpan, _unit: int, _timeout_s: float) -> tuple[int, ...]:
        assert 0 <= span.address < span.end <= REGISTER_SPACE
        if self.chance.randrange(12) == 0:
            message = "No such register."
            raise MeterRefusalError(message)
        return tuple(self.chance.choices(WORDS, k=span.count))


def at_once(coroutine: Coroutine[object, object, ReadOut]) -> ReadOut:
    """The result of what waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("ReadOut", done.value)
    message = "It waits."
    raise AssertionError(message)


def use_profile(_seed: int, document: Document, chance: random.Random) -> int:
    profile = build_profile("mine", document)
    wanted = [register.obis for register in profile.registers]
    serial = None if profile.serial else "7"
    driver = ModbusDriver(NOWHERE, 1, profile, serial=serial, registers=wanted)
    driver._link = cast("ModbusLink", AnyRegisters(chance))  # no line, no loop
    try:
        found = at_once(driver.read())
    except (MeterRefusalError, MeterAnswerError):
        return 0
    assert len(found.values) + len(found.absent) == len(wanted)
    return len(found.values)


@cache
def published(seed: int) -> list[Message]:
    """What a device of a mapping publishes."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    load = from_kw([Decimal("2.345"), Decimal(-1), Decimal(4)], 3600)
    clock = ManualClock(start + timedelta(hours=2))
    meter = compose("1042", load, script=Script(start=start, loop=True), clock=clock)
    (device,) = build_mapping(MAPPINGS[seed], "shipped")
    return mapped_messages(device, meter)


def use_mapping(seed: int, document: Document, chance: random.Random) -> int:
    mappings = MqttMappings(build_mapping(document, "mine"))
    topic, payload = chance.choice(published(seed))
    kind = chance.randrange(4)
    if kind == 0:
        payload = mutate(payload, payload, chance)
    elif kind == 1:
        content = parse_payload(payload)
        if isinstance(content, dict):
            payload = dumped(spoilt(content, chance))
    elif kind == 2:
        topic = mutate(topic.encode(), topic.encode(), chance).decode("latin-1")
    try:
        return len(decode_message(topic, payload, mappings=mappings))
    except TelegramError:
        return 0


def sent(document: Document) -> bytes:
    """A telegram with the list that a document explains."""
    listed = document["lists"][0]
    members: list[bytes] = []
    for at, member in enumerate(listed["members"]):
        kinds = [member["type"]] if isinstance(member["type"], str) else member["type"]
        tag = next((t for t, name in TYPE_NAMES.items() if name == kinds[-1]), Tag.UINT16)
        if listed.get("by") == "code":
            members.append(octets(bytes.fromhex("0100010800FF" if at == 0 else "0100200700FF")))
        size = SIZES.get(tag, 0)
        members.append(number(2301 + at, tag) if size else octets(f"{listed['maker']}103".encode()))
    return apdu(members)


TELEGRAMS = [sent(document) for document in LISTS]


def use_lists(seed: int, document: Document, chance: random.Random) -> int:
    taught = TaughtLists.of(document, "mine")
    data = TELEGRAMS[seed]
    if chance.randrange(2):
        data = mutate(data, chance.choice(TELEGRAMS), chance)
    scanner = DlmsScanner(None, None, taught)
    return sum(len(found.observations) for found in [*scanner.feed(data), *scanner.close()])


def use_configuration(_seed: int, document: Document, chance: random.Random) -> int:
    """As `check-config`: the whole, and of some each meter's driver, which reads its profile."""
    config = parse_config(document)
    assert all(0 < broker.port < PORTS_END for broker in config.routes())
    meters = config.meters
    if chance.randrange(DRIVERS_EVERY) == 0:
        for settings in meters:
            with suppress(ConfigurationError):
                make_meter(settings)
    return len(meters)


KINDS: dict[str, tuple[Use, type[ConfigurationError], list[Document]]] = {
    "profiles": (use_profile, MeterProfileError, PROFILES),
    "mappings": (use_mapping, MqttMappingError, MAPPINGS),
    "lists": (use_lists, ListFileError, LISTS),
    "configuration": (use_configuration, ConfigurationFileError, [tomllib.loads(CONFIGURATION)]),
}


def only_what_is_written(*_: object, init_settings: object, **__: object) -> tuple[object]:
    return (init_settings,)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutant_is_read_or_refused_by_name(
    kind: str, record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use, refusal, seeds = KINDS[kind]
    chance = random.Random(f"{SEED}/{kind}")  # noqa: S311 - reproducible, no secret
    valid = refused = values = unhelpful = 0
    # The environment is looked at once and not for each mutant: that costs more than they do.
    monkeypatch.setattr(EdgeConfig, "settings_customise_sources", only_what_is_written)
    for _ in timed_cases(EXECUTIONS, LONGEST_S):
        seed = chance.randrange(len(seeds))
        document = spoilt(seeds[seed], chance) if chance.randrange(4) else seeds[seed]
        try:
            values += use(seed, document, chance)
            valid += 1
        except refusal as error:
            refused += 1
            unhelpful += not error.remedy
        except Exception as error:
            error.add_note(f"{kind}: {document!r}")
            raise
    record_property(kind, {"valid": valid, "refused": refused, "values": values})
    assert not unhelpful
    assert values > EXECUTIONS / 10
    assert refused > EXECUTIONS / 10
