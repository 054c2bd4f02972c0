"""What the import contracts list by name, held for modules that nobody has listed yet."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

# The codec alone: a gateway and the centre both carry what the contract needs.
CODEC = {"msgpack", "zstandard"}


def imports(source: str) -> Iterator[str]:
    """Every module that a source names in an import, dotted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def beside_the_contract(source: str) -> set[str]:
    """What a source of the centre names of the other packages besides the contract."""
    others = ("edge_agent", "firmware_bridge")
    modules = (
        *(
            "contract",
            "log_lines",
            "command_line",
            "secret_option",
            "durable_file",
            "figures",
            "kernel_clock",
        ),
        "plain_http",
    )
    shared = ("firmware_bridge", *(f"firmware_bridge.{name}" for name in modules))
    return {
        name
        for name in imports(source)
        if name.split(".")[0] in others
        and name not in shared
        and not name.startswith(tuple(f"{module}." for module in shared[1:]))
    }


def foreign(source: str) -> set[str]:
    """What a source names that is neither the standard library's nor ours."""
    roots = {name.split(".")[0] for name in imports(source)}
    return roots - sys.stdlib_module_names - {"firmware_bridge"}


def files(folder: str) -> list[Path]:
    return sorted((REPOSITORY / folder).rglob("*.py"))


def test_the_centre_names_nothing_of_the_edge_and_of_the_bridge_only_what_is_shared() -> None:
    demo = REPOSITORY / "central" / "demo"
    found = {
        str(file.relative_to(REPOSITORY)): names
        for file in files("central")
        if not file.is_relative_to(demo) and (names := beside_the_contract(file.read_text()))
    }
    assert found == {}


def test_the_contract_needs_the_codec_and_nothing_else() -> None:
    found = {
        name for file in files("firmware_bridge/contract") for name in foreign(file.read_text())
    }
    assert found == CODEC


@pytest.mark.parametrize(
    "line",
    [
        "import firmware_bridge.codec.crc",
        "from firmware_bridge import crc",
        "from firmware_bridge.modbus.driver import ModbusDriver",
        "def late():\n    import edge_agent.clock",
    ],
)
def test_a_violation_is_seen(line: str) -> None:
    assert beside_the_contract(line)
    assert not beside_the_contract("from firmware_bridge.contract.obis import Obis")
