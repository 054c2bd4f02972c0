"""Mutated files that teach a gateway: either valid, or refused by name; and what valid ones read.

A parser of TOML reads each of them, so they are fewer than what `test_fuzz_documents` mutates
behind that parser.
METERLINE_FUZZ and METERLINE_FUZZ_SEED as in `test_fuzz_decoders.py`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from edge_agent.config.settings import ConfigurationFileError, load_config
from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.dlms.list_files import ListFileError, TaughtLists
from firmware_bridge.driver.telegram import TelegramError
from firmware_bridge.modbus.profiles import MeterProfileError, read_profile
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.mappings import MqttMappingError, load_mappings, mapping_names
from tests.fuzz.test_fuzz_decoders import mutate
from tests.support.size import sized, timed_cases
from tests.unit.firmware_bridge.dlms.test_list_files import BY_CODE, TWELVE
from tests.unit.firmware_bridge.dlms.test_list_layouts import VOLTAGES_NOT_ENERGIES

EXECUTIONS = sized("METERLINE_FUZZ", 20_000, 1_000_000)
# Fewer than some hundreds may all be valid, or none.
FILES = max(-(-EXECUTIONS // 40), 500)
SEED = int(os.environ.get("METERLINE_FUZZ_SEED", "1"))
LONGEST_S = 1.0
TOPICS = ("solar/7/0/power", "go-eCharger/1/nrg", "a/b/c/sensor/power_consumed/state", "/" * 300)
PAYLOADS = (b"1.5", b"[1,2,3,4,5,6,7,8,9,10,11,12]", b'{"SML":{"Total_in":1,"Meter_id":"7"}}')
CONFIGURATION = """
gateway = "gw-1"
[[brokers]]
url = "mqtts://one.example"
[[brokers]]
url = "mqtt://two.example:1999"
[buffer]
path = "buffer.db"
[[meters]]
name = "main"
protocol = "mqtt_native"
scale = "0.1"
topics = ["t/#"]
[[meters]]
name = "roof"
protocol = "modbus"
host = "10.0.0.2"
unit_id = 7
profile = "eastron-sdm72"
period_s = 60
[[meters]]
name = "heat"
protocol = "wmbus"
serial_port = "/dev/ttyUSB0"
address = "12345678"
key = "000102030405060708090A0B0C0D0E0F"
"""

Use = Callable[[Path], object]


def use_mapping(path: Path) -> None:
    mappings = load_mappings([str(path)])
    for topic in TOPICS:
        for payload in PAYLOADS:
            try:
                decode_message(topic, payload, mappings=mappings)
            except TelegramError:
                continue


def use_lists(path: Path) -> None:
    scanner = DlmsScanner(None, None, TaughtLists.load([str(path)]))
    assert [*scanner.feed(VOLTAGES_NOT_ENERGIES), *scanner.close()]


def shipped(package: str) -> list[bytes]:
    return [
        entry.read_bytes() for entry in files(package).iterdir() if entry.name.endswith(".toml")
    ]


KINDS: dict[str, tuple[Use, type[ConfigurationError], list[bytes]]] = {
    "mappings": (use_mapping, MqttMappingError, shipped("firmware_bridge.mqtt_native.mappings")),
    "lists": (
        use_lists,
        ListFileError,
        [TWELVE.encode(), BY_CODE.encode(), *shipped("firmware_bridge.dlms.shipped_lists")],
    ),
    "profiles": (
        read_profile,
        MeterProfileError,
        shipped("firmware_bridge.modbus.profiles"),
    ),
    "configuration": (
        load_config,
        ConfigurationFileError,
        [CONFIGURATION.encode()],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_of_a_file_are_valid_or_refused_by_name(kind: str, tmp_path: Path) -> None:
    use, refusal, seeds = KINDS[kind]
    chance = random.Random(f"{SEED}/{kind}")  # noqa: S311 - reproducible, no secret
    path, valid, refused = tmp_path / "file.toml", 0, 0
    for _ in timed_cases(FILES, LONGEST_S):
        text = mutate(chance.choice(seeds), chance.choice(seeds), chance)
        path.write_bytes(text)
        try:
            use(path)
            valid += 1
        except refusal:
            refused += 1
        except Exception as error:
            error.add_note(f"{kind}: {text!r}")
            raise
    assert valid
    assert refused


def test_what_ships_is_read_by_its_names() -> None:
    assert len(mapping_names()) == len(KINDS["mappings"][2])


def test_mutants_of_lists_that_a_file_explains_end_in_values_or_a_named_error(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lists.toml"
    path.write_text(TWELVE + BY_CODE, encoding="utf-8")
    lists = TaughtLists.load([str(path)])
    chance = random.Random(f"{SEED}/taught")  # noqa: S311 - reproducible, no secret
    measured = 0
    for _ in timed_cases(EXECUTIONS, LONGEST_S):
        data = mutate(VOLTAGES_NOT_ENERGIES, VOLTAGES_NOT_ENERGIES, chance)
        scanner = DlmsScanner(None, None, lists)
        try:
            found = [*scanner.feed(data), *scanner.close()]
        except Exception as error:
            error.add_note(data.hex())
            raise
        measured += sum(len(telegram.observations) for telegram in found)
    assert measured
