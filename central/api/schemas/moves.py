"""What an operator sends for a move, and what came of it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from central.api.schemas.base import Schema
from central.api.schemas.writes import Line, Multiplier, Name, NameplateText, Order, Reason
from central.domain.billing.bill import Party
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, spelled
from central.service.moves.requests import (
    AgreementChange,
    GivenRead,
    MeterExchange,
    MoveIn,
    MoveOut,
    NewMeter,
    ReadsAtMove,
    given_read,
)
from central.service.ports.moves import MoveKind
from central.service.registry.record_changes import Effect


class ReadIn(Order):
    """What a register showed, in the unit that people read, such as kWh or m3."""

    obis: Annotated[str, StringConstraints(max_length=32)]
    value: Annotated[str, StringConstraints(max_length=32)]

    def read(self) -> GivenRead:
        """As it was given."""
        return given_read(self.obis, self.value)


ReadsIn = Annotated[tuple[ReadIn, ...], Field(max_length=32)]
FactsIn = Annotated[dict[Name, Name], Field(default_factory=dict, max_length=64)]


class MovePartyIn(Order):
    """Who somebody is."""

    name: Name
    address: Annotated[tuple[Line, ...], Field(max_length=8)] = ()
    tax_id: Line = ""
    contact: Line = ""

    def party(self) -> Party:
        """As the registry keeps it."""
        return Party(self.name, self.address, self.tax_id, self.contact)


class _MoveOrder(Order):
    service_point: Name
    reason: Reason
    preview: bool = Field(default=False, description="Say what would be, and change nothing.")


class _CustomerOrder(_MoveOrder):
    account: Name
    service: Name | None = Field(default=None, description="Where the point has several.")


class _ReadOrder(_CustomerOrder):
    reads: ReadsIn = ()
    read_later: bool = Field(default=False, description="Go on without a read that is missing.")
    party: MovePartyIn | None = Field(
        default=None, description="For a new account, or to correct name and address."
    )

    def at_move(self) -> ReadsAtMove:
        """What is known of the registers."""
        return ReadsAtMove(tuple(read.read() for read in self.reads), self.read_later)

    def who(self) -> Party | None:
        """Who it is, where that is said."""
        return None if self.party is None else self.party.party()


class MoveInIn(_ReadOrder):
    """An account comes to a service, from its first local day on."""

    tariff: Name
    first: date
    end: date | None = Field(default=None, description="The day after the last, if known.")
    cycle: Name | None = None
    facts: FactsIn
    replaces: bool = Field(default=False, description="Who is there moves out on that day.")

    def asked(self) -> MoveIn:
        """What is asked for."""
        return MoveIn(
            self.account,
            self.service_point,
            self.tariff,
            self.first,
            self.service,
            self.end,
            _facts(self.facts, self.first),
            self.who(),
            self.cycle,
            self.replaces,
            self.at_move(),
        )


class MoveOutIn(_ReadOrder):
    """An account leaves; `end` is the first local day that it does not pay for."""

    end: date

    def asked(self) -> MoveOut:
        """What is asked for."""
        return MoveOut(
            self.account, self.service_point, self.end, self.service, self.who(), self.at_move()
        )


class MeterExchangeIn(_MoveOrder):
    """One meter takes the place of another."""

    at: AwareDatetime
    manufacturer: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    serial: NameplateText
    multiplier: Multiplier = "1"
    gateway: Annotated[str | None, StringConstraints(max_length=63)] = None
    closing: ReadsIn = ()
    opening: ReadsIn = ()
    moduli: ReadsIn = ()
    read_later: bool = Field(default=False, description="Go on without reads that are missing.")

    def asked(self) -> MeterExchange:
        """What is asked for."""
        moduli = tuple(read.read() for read in self.moduli)
        ratio = Fraction(self.multiplier)
        return MeterExchange(
            self.service_point,
            self.at,
            NewMeter(self.manufacturer, self.serial, ratio, self.gateway, moduli),
            tuple(read.read() for read in self.closing),
            tuple(read.read() for read in self.opening),
            self.read_later,
        )


class AgreementChangeIn(_CustomerOrder):
    """An account goes on under another tariff, from `first` on."""

    tariff: Name
    first: date
    facts: FactsIn

    def asked(self) -> AgreementChange:
        """What is asked for."""
        facts = _facts(self.facts, self.first)
        return AgreementChange(
            self.account, self.service_point, self.tariff, self.first, self.service, facts
        )


class UndoMoveIn(Order):
    """Why a move is taken back."""

    reason: Reason
    preview: bool = Field(default=False, description="Say what would be, and change nothing.")


class MoveOutcomeOut(Schema):
    """What became of a move; without `move` nothing was recorded."""

    effect: Effect
    move: str | None
    steps: list[str]
    awaited: list[str] = Field(description="Reads that are still to come.")
    concerned: list[str] = Field(description="Issued bills whose days it reaches into.")
    discarded: list[str] = Field(description="Drafts and held bills that it discarded.")
    warnings: list[str]


class MoveRecordOut(Schema):
    """A recorded move; `undone_at` where it was taken back."""

    move: str
    kind: MoveKind
    service_point: str = Field(validation_alias="point")
    account: str | None
    at: AwareDatetime
    reason: str
    decided_by: str
    decided_at: AwareDatetime
    undone_by: str | None
    undone_at: AwareDatetime | None
    undo_reason: str | None


def _facts(given: dict[str, str], first: date) -> AgreementFacts:
    return AgreementFacts(tuple(Fact(name, spelled(value), first) for name, value in given.items()))
