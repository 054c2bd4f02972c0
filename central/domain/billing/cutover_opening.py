"""What an occupancy was taken over with from another billing system."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from central.domain.rating.inputs.carried_state import CarriedState
from firmware_bridge.contract.obis import Obis


@dataclass(frozen=True, slots=True, order=True)
class TakeoverRead:
    """What a register showed at the end of the last day that the other system billed.

    Args:
        meter: Manufacturer and serial, as in MTL/1001.
        obis: The register.
        value: As on the meter, in the unit of the point's channel.
    """

    meter: str
    obis: Obis
    value: Decimal

    def to_json(self) -> list[str]:
        """As a JSON array."""
        return [self.meter, str(self.obis), format(self.value, "f")]

    @classmethod
    def from_json(cls, value: list[str]) -> TakeoverRead:
        """The read that `to_json` wrote."""
        return cls(value[0], Obis.parse(value[1]), Decimal(value[2]))


@dataclass(frozen=True, slots=True)
class CutoverOpening:
    """What the first bill of an occupancy opens with, and prints.

    Args:
        last_billed: The last local day that the other system billed.
        state: Banks, peaks, sums and deferrals.
        reads: Registers at the end of that day, ascending.
        balance: What the account owes, below zero what it has in credit; None where it is not
            said here. [currency]
    """

    last_billed: date
    state: CarriedState = field(default_factory=CarriedState)
    reads: tuple[TakeoverRead, ...] = ()
    balance: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        """The state as a JSON object, as every opening is kept, with the rest beside it."""
        return {
            **self.state.to_json(),
            "cutover": {
                "last_billed": self.last_billed.isoformat(),
                "reads": [read.to_json() for read in self.reads],
                "balance": None if self.balance is None else format(self.balance, "f"),
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CutoverOpening:
        """The opening that `to_json` wrote."""
        rest = value["cutover"]
        balance = rest["balance"]
        return cls(
            date.fromisoformat(rest["last_billed"]),
            CarriedState.from_json(value),
            tuple(TakeoverRead.from_json(read) for read in rest["reads"]),
            None if balance is None else Decimal(balance),
        )
