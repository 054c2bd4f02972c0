"""Reads by hand at the instant of a move: stored like a meter's own, and used by both sides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from central.domain.metering.display_unit import display_unit
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.moves.errors import ReadDiffersError, ReadMissingError, ReadRefusedError
from central.service.moves.requests import GivenRead, ReadsAtMove
from central.service.ports.moves import MoveTransaction, RegisterAt
from central.service.ports.registry import NotRegisteredError
from firmware_bridge.contract.envelope import NO_HASH, Link, seal
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source


@dataclass(frozen=True, slots=True)
class MoveInstant:
    """Where and when registers are read.

    Args:
        point: Name of the service point.
        at: Aware.
        before: Whether the meter that was there until then is meant; else the one from then on.
    """

    point: str
    at: datetime
    before: bool


async def store_reads(
    registry: MoveTransaction,
    where: MoveInstant,
    reads: ReadsAtMove,
    billed: Collection[Obis],
    *,
    clock: Callable[[], datetime],
) -> tuple[list[str], list[str]]:
    """Store the reads of a move, and see to it that every register that is billed has one.

    Args:
        registry: The transaction.
        where: Of which meter, and when they were read.
        reads: What is known.
        billed: Registers of the services that move; empty for all that the point counts.
        clock: Now, aware.

    Returns:
        What was stored, and what is still to come, in words.

    Raises:
        NotRegisteredError: A read is of a register that no meter has there.
        InvalidValueError: A read is of a time to come, or below zero.
        ReadDiffersError: Something else is stored for that instant.
        ReadMissingError: A register has no read, the instant is over, and none may come later.
        ReadRefusedError: It cannot be stored.
    """
    point, at = where.point, where.at
    registers = await registry.registers_at(point, at, before=where.before)
    _check_given(point, at, reads.given, registers, clock())
    new = [
        (register, read)
        for read in reads.given
        for register in registers
        if register.obis == read.obis and not _is_stored(register, read, at)
    ]
    stored = [f"{_named(register)} read at {_when(at)}: {_shown(read, register.unit)}."
              for register, read in new]  # fmt: skip
    await _ingest(registry, at, new, clock)
    read_by_hand = {read.obis for read in reads.given}
    missing = [
        register
        for register in registers
        if (not billed or register.obis in billed)
        and not register.read
        and register.obis not in read_by_hand
    ]
    names = [f"the read of {_named(register)} at {_when(at)}" for register in missing]
    if missing and at <= clock() and not reads.later:
        message = f"{point} lacks {', '.join(names)}."
        raise ReadMissingError(message, value=[str(register.obis) for register in missing])
    return stored, names


def in_base_unit(read: GivenRead, unit: Unit) -> Decimal:
    """A read in the unit that its register counts in."""
    return read.value.scaleb(display_unit(unit).places)


def _check_given(
    point: str,
    at: datetime,
    given: Sequence[GivenRead],
    registers: Sequence[RegisterAt],
    now: datetime,
) -> None:
    there = {register.obis for register in registers}
    for read in given:
        if read.obis not in there:
            message = f"No meter at {point} counts {read.obis} at {_when(at)}."
            raise NotRegisteredError(message, value=str(read.obis))
        if not read.value.is_finite() or read.value < 0:
            message = f"A register cannot show {read.value}."
            raise InvalidValueError(message, value=str(read.value))
        if at > now:
            message = f"Nobody can have read {read.obis} at {_when(at)}, which is to come."
            remedy = "Leave the read out; it is awaited."
            raise InvalidValueError(message, value=str(read.value), remedy=remedy)


def _is_stored(register: RegisterAt, read: GivenRead, at: datetime) -> bool:
    if register.value is None:
        return False
    if register.value != in_base_unit(read, register.unit):
        places = display_unit(register.unit).places
        stored = GivenRead(register.obis, register.value.scaleb(-places))
        message = (
            f"{_named(register)} showed {_shown(stored, register.unit)} at {_when(at)}, and"
            f" {_shown(read, register.unit)} is given."
        )
        raise ReadDiffersError(message, value=str(read.value))
    return True


async def _ingest(
    registry: MoveTransaction,
    at: datetime,
    new: Sequence[tuple[RegisterAt, GivenRead]],
    clock: Callable[[], datetime],
) -> None:
    """Store reads through ingest, as a batch of the meter's gateway, in this transaction."""
    for gateway in sorted({register.gateway for register, _ in new}):
        readings = [_reading(register, read, at) for register, read in new
                    if register.gateway == gateway]  # fmt: skip
        text = "\n".join(f"{gateway} {reading}" for reading in sorted(map(str, readings)))
        epoch = UUID(bytes=sha256(text.encode()).digest()[:16])
        sealed = seal(Link(gateway, epoch, 1, NO_HASH), at, readings)
        use_case = Ingest(registry.ingest(), clock)
        result = await use_case.commit([examine(Arrival(gateway, sealed.payload, clock()))])
        for outcome in result.outcomes:
            if not (outcome.stored or outcome.duplicate or outcome.code == "DUPLICATE"):
                message = f"The reads of {gateway} are not stored: {outcome.code}."
                raise ReadRefusedError(message, value=outcome.code)


def _reading(register: RegisterAt, read: GivenRead, at: datetime) -> Reading:
    channel = Channel(
        register.manufacturer,
        register.serial,
        register.obis,
        Kind.REGISTER,
        0,  # read once, not periodically
        Source.LIVE,
        register.unit,
    )
    quantity = Quantity.from_decimal(in_base_unit(read, register.unit), register.unit)
    return Reading(channel, at.astimezone(UTC), quantity.mantissa, quantity.exponent)


def _named(register: RegisterAt) -> str:
    return f"{register.manufacturer}/{register.serial} {register.obis}"


def _shown(read: GivenRead, unit: Unit) -> str:
    return f"{read.value.normalize():f} {display_unit(unit).name}"


def _when(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
