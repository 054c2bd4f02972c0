"""The manual says what each model was verified by, and every test that it names is there."""

from __future__ import annotations

import re

from firmware_bridge.modbus.profiles import profile_names
from firmware_bridge.mqtt_native.mappings import mapping_names
from tests.support.data import REPOSITORY
from tests.support.verified import PAGE, renewed

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_what_files_and_tests_say() -> None:
    assert renewed(TEXT) == TEXT, "python -m tests.support.verified"


def test_every_model_has_a_row_and_every_named_test_is_there() -> None:
    for name in (*profile_names(), *mapping_names()):
        assert f"| `{name}` |" in TEXT
    paths = re.findall(r"`(tests/[\w/]+(?:\.py)?)`", TEXT)
    assert len(paths) > 15
    for path in paths:
        assert (REPOSITORY / path).exists(), path
