"""What days that no issued bill says come to, as it is answered."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from central.api.schemas.base import Exact, Instant, Schema


class AccountUnbilledOut(Schema):
    """What an account is not billed yet at a service point."""

    account: str
    service_point: str
    service: str
    first: date
    end: date = Field(description="The day after the last that is closed.")
    currency: str = Field(description="Empty where nothing could be rated.")
    amount: Exact
    holds: list[str] = Field(description="What would hold the bill; days behind have no amount.")
    rated_at: Instant


class DayUnbilledOut(Schema):
    """What a day comes to; `charges` are amounts by the tariff's charge, tax or rider."""

    service_point: str
    service: str
    day: date
    currency: str
    amount: Exact
    charges: dict[str, Exact]


class ChargeUnbilledOut(Schema):
    """What a charge comes to, over all accounts."""

    currency: str
    charge: str
    accounts: int
    amount: Exact
