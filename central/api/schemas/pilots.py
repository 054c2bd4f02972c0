"""Pilots: a tariff tried on a group's own intervals."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, Field

from central.api.schemas.base import Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.rating.pilot import PilotDocument, PilotSide


class PilotIn(Order):
    """A version of a pilot: who, when, and which tariffs."""

    name: Name
    group: Name
    tariff: Name
    first: date
    end: date = Field(description="The day after the last.")
    control: Name | None = None
    against: Name | None = Field(default=None, description="Default: what each has agreed.")
    reason: Reason

    def document(self) -> PilotDocument:
        """What it compares."""
        return PilotDocument(
            self.group, self.tariff, self.first, self.end, self.control, self.against
        )


class PilotVersionOut(Schema):
    """Which version of a pilot holds."""

    pilot: str
    version: int


class PilotOut(PilotVersionOut):
    """The newest version of a pilot."""

    group: str
    tariff: str
    first: date
    end: date
    control: str | None
    against: str | None
    decided_by: str
    decided_at: AwareDatetime
    reason: str


class PilotRowOut(Schema):
    """One agreement under both tariffs; `held` says why it could not be rated."""

    side: PilotSide
    account: str
    point: str
    service: str
    against: str
    first: date
    end: date
    kwh: str
    currency: str
    before: str
    after: str
    difference: str
    held: list[str]


class PilotSideOut(Schema):
    """All accounts of a side; means are exact fractions."""

    side: PilotSide
    currency: str
    accounts: int
    winners: int
    losers: int
    unchanged: int
    kwh: str
    before: str
    after: str
    difference: str
    mean_difference: str
    mean_kwh: str


class PilotResultOut(PilotVersionOut):
    """What came of a pilot."""

    run: int
    made_by: str
    made_at: AwareDatetime
    sides: list[PilotSideOut]
    rows: list[PilotRowOut]
