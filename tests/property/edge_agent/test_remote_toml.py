"""Whatever TOML a signed configuration holds: applied, or refused by an error of ours."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config.settings import parse_config
from edge_agent.polling.meter_set import check_meters
from edge_agent.remote.configuration.overlay import overlay
from edge_agent.remote.errors import ConfigurationInvalidError
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.driver.registry import protocols
from tests.support.size import sized

EXAMPLES = sized("METERLINE_TOML_EXAMPLES", 150, 20_000)
LOCAL = parse_config({"gateway": "gw-1", "broker": {"url": "mqtt://127.0.0.1:1"}})
KEYS = [
    "host", "port", "serial_port", "baudrate", "parity", "bytesize", "stopbits", "timeout_s",
    "zone", "unit_id", "profile", "address", "topics", "topic", "device", "serial", "line", "chip",
    "pulses_per_kwh", "registers", "period_s", "read_timeout_s", "load_profile", "backfill_from",
]  # fmt: skip
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(["127.0.0.1", "N", "Europe/Berlin", "eastron-sdm630", "/dev/null", "../x"]),
        st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(sign):08X}" for sign in text) + '"'


def toml(value: Any) -> str:  # noqa: ANN401 - any TOML value
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{quoted(key)} = {toml(v)}" for key, v in value.items()) + "}"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.sampled_from(protocols()),
    st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), values, max_size=6),
)
def test_no_meter_is_so_strange_that_it_ends_the_agent(protocol: str, said: dict[str, Any]) -> None:
    lines = "".join(f"{quoted(key)} = {toml(value)}\n" for key, value in said.items())
    text = f'[[meters]]\n"name" = "a"\n"protocol" = "{protocol}"\n{lines}'
    # Anything but an error of ours would get through.
    with suppress(MeterlineError):
        check_meters(overlay(LOCAL, text).meters)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=300) | st.text("[]{}=\"'\n.,#-+eE_0123456789:TZmeters \\", max_size=300))
def test_no_text_is_so_strange_either(text: str) -> None:
    with suppress(ConfigurationInvalidError):
        overlay(LOCAL, text)
