"""What is asked for: one value a kind of move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from central.domain.billing.bill import Party
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.plain_number import plain_decimal


@dataclass(frozen=True, slots=True)
class GivenRead:
    """What a person read of a register.

    Args:
        obis: Which register.
        value: In the unit that people read, such as kWh or m3.
    """

    obis: Obis
    value: Decimal

    def to_json(self) -> dict[str, str]:
        """As a JSON object."""
        return {"obis": str(self.obis), "value": format(self.value.normalize(), "f")}


def given_read(obis: str, value: str) -> GivenRead:
    """A read as it is written.

    Raises:
        InvalidValueError: It is no register, or no number.
    """
    number = plain_decimal(value)
    if number is None:
        message = f"{value!r} is not what a register shows, such as 1234.5."
        raise InvalidValueError(message, value=value)
    return GivenRead(Obis.parse(obis), number)


@dataclass(frozen=True, slots=True)
class ReadsAtMove:
    """What is known of the registers at the instant of a move.

    Args:
        given: Reads by hand.
        later: Whether a read that is missing may come later; else its lack refuses the move.
    """

    given: tuple[GivenRead, ...] = ()
    later: bool = False

    def to_json(self) -> list[dict[str, str]]:
        """As JSON; whether one may come later is no part of what is asked for."""
        return [read.to_json() for read in sorted(self.given, key=lambda read: str(read.obis))]


@dataclass(frozen=True, slots=True)
class MoveIn:
    """An account comes to a service.

    Args:
        account: Number.
        point: Name.
        tariff: Name.
        first: Its first local day.
        service: Name; None for the one that bills all.
        end: The local day after its last; None while that is not known.
        facts: What the tariff needs to know.
        party: Who it is, for a new account, or to correct one; None leaves it.
        cycle: Name of its billing cycle from the first day on; None leaves it.
        replaces: Whether the account that is there moves out on the same day.
        reads: Of the registers at the beginning of the first day.
    """

    account: str
    point: str
    tariff: str
    first: date
    service: str | None = None
    end: date | None = None
    facts: AgreementFacts = field(default_factory=AgreementFacts)
    party: Party | None = None
    cycle: str | None = None
    replaces: bool = False
    reads: ReadsAtMove = field(default_factory=ReadsAtMove)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, without personal values."""
        return {
            "tariff": self.tariff,
            "service": self.service,
            "end": None if self.end is None else self.end.isoformat(),
            "facts": self.facts.to_json(),
            "cycle": self.cycle,
            "reads": self.reads.to_json(),
        }


@dataclass(frozen=True, slots=True)
class MoveOut:
    """An account leaves services.

    Args:
        account: Number.
        point: Name.
        end: The first local day that it does not pay for.
        service: Name; None for all that it has there.
        party: Where the final bill goes: corrects name and address; None leaves them.
        reads: Of the registers at the beginning of that day.
    """

    account: str
    point: str
    end: date
    service: str | None = None
    party: Party | None = None
    reads: ReadsAtMove = field(default_factory=ReadsAtMove)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, without personal values."""
        return {"service": self.service, "reads": self.reads.to_json()}


@dataclass(frozen=True, slots=True)
class NewMeter:
    """The meter that goes in.

    Args:
        manufacturer: Of it.
        serial: Of it.
        multiplier: Exact.
        gateway: Behind which gateway it will appear, where it has not reported yet.
        moduli: What its registers count to before they start again at 0, as people read it.
    """

    manufacturer: str
    serial: str
    multiplier: Fraction = Fraction(1)
    gateway: str | None = None
    moduli: tuple[GivenRead, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterExchange:
    """One meter takes the place of another.

    Args:
        point: Name.
        at: When. Aware.
        meter: The one that goes in.
        closing: What the old one showed then.
        opening: What the new one showed then.
        later: Whether reads that are missing may come later; else their lack refuses it.
    """

    point: str
    at: datetime
    meter: NewMeter
    closing: tuple[GivenRead, ...] = ()
    opening: tuple[GivenRead, ...] = ()
    later: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "meter": f"{self.meter.manufacturer}/{self.meter.serial}",
            "multiplier": str(self.meter.multiplier),
            "moduli": ReadsAtMove(self.meter.moduli).to_json(),
            "closing": ReadsAtMove(self.closing).to_json(),
            "opening": ReadsAtMove(self.opening).to_json(),
        }


@dataclass(frozen=True, slots=True)
class AgreementChange:
    """An account goes on under another tariff.

    Args:
        account: Number.
        point: Name.
        tariff: Name of the new one.
        first: From which local day on.
        service: Name; None where the account has one agreement there on that day.
        facts: What the new tariff needs to know beside what is known.
    """

    account: str
    point: str
    tariff: str
    first: date
    service: str | None = None
    facts: AgreementFacts = field(default_factory=AgreementFacts)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"tariff": self.tariff, "service": self.service, "facts": self.facts.to_json()}


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    """What became of a move.

    Args:
        effect: `unchanged` where all was so already.
        move: Its identifier; None where nothing was recorded, as of a preview.
        steps: What was done, in order.
        awaited: Reads that are still to come.
        concerned: Issued bills whose days it reaches into, by what was changed.
        discarded: Drafts and held bills that it discarded.
        warnings: What was recorded and will hold bills or change none.
    """

    effect: Effect
    move: UUID | None = None
    steps: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()
    concerned: tuple[str, ...] = ()
    discarded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "effect": self.effect.value,
            "move": None if self.move is None else str(self.move),
            "steps": list(self.steps),
            "awaited": list(self.awaited),
            "concerned": list(self.concerned),
            "discarded": list(self.discarded),
            "warnings": list(self.warnings),
        }
