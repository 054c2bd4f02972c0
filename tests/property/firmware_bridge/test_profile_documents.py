"""Whatever a person writes into a profile, it is a model that is read back, or a named refusal."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from importlib.resources import files
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.modbus.frames import ScaledInteger, decode, plan
from firmware_bridge.modbus.profiles import MeterProfileError, profile_names
from firmware_bridge.modbus.profiles.document import build
from firmware_bridge.modbus.register_map import MeterProfile

SHIPPED = files("firmware_bridge.modbus.profiles")
DOCUMENTS = [
    tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))
    for name in profile_names()
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["u16", "float64", "bcd32", "e8i24", "CDAB", "Wh", "kW", "1-0:1.8.0", "ascii"]),
    st.lists(st.integers(-5, 70_000), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(tree: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any document
    """Every container and key in a document."""
    pairs = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    found = [(tree, key) for key, _ in pairs]
    for _, item in pairs:
        if isinstance(item, dict | list):
            found += places(item)
    return found


def built(tree: dict[str, Any]) -> MeterProfile | MeterProfileError:
    try:
        return build("mine", tree)
    except MeterProfileError as error:
        return error


def usable(profile: MeterProfile) -> None:
    """A plan reads all its registers, and any words in them are a value or a named absence."""
    spans = [span for register in profile.registers for span in register.spans]
    blocks = plan(spans, profile.max_registers, profile.max_gap)
    assert all(any(block.holds(span) for block in blocks) for span in spans)
    for register in profile.registers:
        for word in (0, 1, 0x7FFF, 0x8000, 0xFFFF):
            coding = register.field.coding
            found = decode([word] * coding.words, coding)
            assert isinstance(found, ScaledInteger) or found.value


@settings(max_examples=40)
@given(st.data())
def test_a_mutant_of_a_shipped_profile_is_read_or_refused_by_name(data: st.DataObject) -> None:
    tree = deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(tree)))
        if isinstance(container, dict) and key not in container:
            continue
        if isinstance(container, list) and key >= len(container):
            continue
        if data.draw(st.booleans()):
            container[key] = data.draw(ODD)
        else:
            del container[key]
        if not tree:
            return
    outcome = built(tree)
    if isinstance(outcome, MeterProfileError):
        assert str(outcome).startswith("mine.toml: ")
        assert outcome.remedy
    else:
        usable(outcome)
