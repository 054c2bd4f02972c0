"""Registers that lie about a SunSpec chain: a meter is found, or a named error says why not.

METERLINE_FUZZ and METERLINE_FUZZ_SEED as in `test_fuzz_decoders.py`.
"""

from __future__ import annotations

import os
import random

import pytest

from firmware_bridge.driver.interface import MeterAnswerError, MeterRefusalError
from firmware_bridge.modbus.frames import REGISTER_SPACE, RegisterSpan
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.modbus.sunspec import (
    BEGINNINGS,
    COMMON,
    END,
    MARK,
    MODELS_MAX,
    MeterPosition,
    find_meter,
    repositioned,
)
from tests.support.size import sized, timed_cases

EXECUTIONS = sized("METERLINE_FUZZ", 20_000, 1_000_000)
LONGEST_S = 1.0
SEED = int(os.environ.get("METERLINE_FUZZ_SEED", "1"))
MODELS = load_profile("sunspec-meter").sunspec
MOST_READS = MODELS_MAX + len(BEGINNINGS)


class Registers:
    """What a device answers, and how often it was asked."""

    def __init__(self, words: dict[int, int], start: int) -> None:
        self.words = words
        self.start = start
        self.reads = 0

    async def read(self, span: RegisterSpan) -> tuple[int, ...]:
        self.reads += 1
        assert span.end <= REGISTER_SPACE
        places = range(span.address, span.end)
        if not all(at in self.words for at in places):
            message = "No such register."
            raise MeterRefusalError(message)
        return tuple(self.words[at] for at in places)


def drawn(chance: random.Random) -> Registers:
    """A chain of some models, of which some say what is not so."""
    start = chance.choice(BEGINNINGS)
    words = list(MARK)
    for _ in range(chance.randrange(8)):
        number = chance.choice((COMMON, 103, *MODELS, 0, END, chance.randrange(0x10000)))
        length = chance.randrange(120)
        said = length if chance.random() < 0.8 else chance.randrange(0x10000)
        words += [number, said, *(chance.randrange(0x10000) for _ in range(length))]
    words += [END, 0] if chance.random() < 0.8 else []
    if chance.random() < 0.2:
        words[chance.randrange(len(words))] = chance.randrange(0x10000)
    return Registers(dict(enumerate(words, start=start)), start)


async def test_whatever_a_chain_says_ends_in_a_meter_or_a_named_error() -> None:
    chance = random.Random(f"{SEED}/sunspec")  # noqa: S311 - reproducible, no secret
    profile, ends = load_profile("sunspec-meter"), {True: 0, False: 0}
    for _ in timed_cases(EXECUTIONS, LONGEST_S):
        registers = drawn(chance)
        try:
            position = await find_meter(registers.read, MODELS, chance.randrange(1, 4))
        except (MeterRefusalError, MeterAnswerError):
            ends[False] += 1
        else:
            ends[True] += 1
            assert position.number == registers.words[position.model]
            assert position.number in MODELS
            assert registers.start < position.common <= position.model
            moved = repositioned(profile, position)
            assert moved.registers[0].field.span.address == position.model + 46
        assert registers.reads <= MOST_READS
    assert min(ends.values()) > 0


def test_a_meter_at_the_end_of_all_registers_is_no_meter() -> None:
    profile = load_profile("sunspec-meter")
    repositioned(profile, MeterPosition(40_002, REGISTER_SPACE - 55, 203))
    with pytest.raises(MeterAnswerError, match="begins at register 65482"):
        repositioned(profile, MeterPosition(40_002, REGISTER_SPACE - 54, 203))


async def test_a_chain_without_an_end_is_left_after_so_many_models() -> None:
    endless = Registers(
        dict.fromkeys(range(40_002, REGISTER_SPACE), 0) | dict(enumerate(MARK, 40_000)), 40_000
    )
    try:
        found: MeterPosition | None = await find_meter(endless.read, MODELS)
    except MeterAnswerError:
        found = None
    assert found is None
    assert endless.reads == MODELS_MAX + 1
