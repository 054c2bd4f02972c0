"""One configured meter: its driver, how it is read, and its state."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edge_agent.meter_clock import DEFAULT, ProfileLook, Trust
from edge_agent.polling.claims import Claims, ShownDevice
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.driver.interface import Absence, MeterDriver


@dataclass(slots=True)
class Meter:
    """A meter as the agent sees it.

    Args:
        name: As configured.
        driver: Speaks its protocol.
        period_s: Distance of live reads. [s]
        timeout_s: A read that takes longer is given up. [s]
        load_profile: Whether its load profile is read.
        backfill_from: Entries before this instant are not asked for; None: as far as its memory.
        capacity_w: What the connection can carry; None where that is not known. [W]
        trust: How far its own time is believed.
        answering: False after a failed read; the others do not wait for it then.
        failure: The last failure's code, None after a good read.
        reading: A read is under way.
        current: The load profile was read up to its end, and each cycle keeps it so.
        behind: Set when it is to be caught up on.
        profile_period_s: Distance of its entries, once known. [s]
        bad_frames: Answers that could not be decoded, since the start.
        fresh: It was not asked yet: it is asked at once, whatever its period.
        refused: Why telegrams beside the last read were refused, by code.
        absent: Registers without a value and why, as they were last told.
        repeated: Registers of which it showed further values, as they were last told.
        claims: Which registers are this meter's, and which another one's.
        shared: Devices that another configured meter or topic holds, as they were last told.
        under_way: Reads that have not ended.
        offline: Devices behind it that were said to be offline at the last read.
        profile_look: How the clock of its load profile stood when it was last asked.
        profile_readable: Whether its load profile was read when it was last asked; None where it
            was not asked yet.
    """

    name: str
    driver: MeterDriver
    period_s: int = 900
    timeout_s: float = 20.0
    load_profile: bool = True
    backfill_from: datetime | None = None
    capacity_w: int | None = None
    trust: Trust = DEFAULT
    answering: bool = True
    failure: str | None = None
    reading: bool = False
    current: bool = False
    behind: asyncio.Event = field(default_factory=asyncio.Event)
    profile_period_s: int = 0
    bad_frames: int = 0
    fresh: bool = True
    refused: frozenset[str] = frozenset()
    absent: frozenset[tuple[Obis, Absence]] = frozenset()
    repeated: frozenset[tuple[object, ...]] = frozenset()
    claims: Claims = field(default_factory=Claims)
    shared: frozenset[ShownDevice] = frozenset()
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)
    offline: tuple[str, ...] = ()
    profile_look: ProfileLook | None = None
    profile_readable: bool | None = None

    @property
    def read_mark(self) -> str:
        """Names the mark that holds the last good read, in ms since 1970 UTC."""
        return read_mark(self.name)

    @property
    def profile_mark(self) -> str:
        """Names the mark before which all entries are stored, in ms since 1970 UTC."""
        return f"meter.{self.name}.profile_ms"


def is_spared(meter: Meter, marks: Mapping[str, int]) -> bool:
    """Whether its own memory keeps what a live read would show, until there is room for it.

    Only a load profile that was read counts: a model that should have one may refuse it.

    Args:
        meter: The meter.
        marks: Of the buffer, which remember earlier runs.
    """
    if not (meter.load_profile and meter.driver.has_profile):
        return False
    before = meter.profile_mark in marks
    return before if meter.profile_readable is None else meter.profile_readable


def read_mark(meter: str) -> str:
    """Names the mark that holds a configured meter's last good read, in ms since 1970 UTC."""
    return f"meter.{meter}.read_ms"


def describe(error: BaseException) -> tuple[str, str, bytes | None]:
    """A failure's code, sentence, and the bytes that caused it, if any."""
    if isinstance(error, MeterlineError):
        return error.code, str(error), error.value if isinstance(error.value, bytes) else None
    return "DRIVER_FAULT", f"{type(error).__name__}: {error}", None
