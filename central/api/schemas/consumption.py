"""What is used, as it is answered; numbers are strings, exact."""

from __future__ import annotations

from pydantic import Field

from central.api.schemas.base import Instant, Schema
from central.service.consumption.figures import ConsumptionBy


class ConsumptionRowOut(Schema):
    """What an interval, hour, day or month comes to."""

    from_: str = Field(alias="from", description="Begin in UTC, local day, or month.")
    consumption: str
    unit: str
    channels: int = Field(description="That counted.")
    missing: int = Field(description="Intervals that are due, and have no value.")
    estimated: int = Field(description="Intervals whose value is an estimate.")


class ConsumptionOut(Schema):
    """What is used."""

    by: ConsumptionBy
    left_out: int = Field(description="Channels whose intervals are longer than an hour.")
    rows: list[ConsumptionRowOut]


class ProfileHourOut(Schema):
    """What an hour of the average day comes to."""

    hour: int = Field(description="Local, 0 to 23.")
    weekday: str | None
    weekend: str | None
    all_days: str | None
    unit: str


class LoadProfileOut(Schema):
    """An average day, the highest load, and how much of it the mean load is."""

    zone: str
    unit: str
    load_unit: str
    mean_load: str
    max_load: str
    max_load_at: Instant | None
    max_load_of_s: int = Field(description="Over how long the highest load is the mean. [s]")
    load_factor: str | None = Field(description="Mean load of the highest.")
    channels: int
    missing: int
    estimated: int
    left_out: int = Field(description="Channels whose intervals are longer than an hour.")
    hours: list[ProfileHourOut]


class UseChangeOut(Schema):
    """How the use a day changed."""

    subject: str = Field(description="Number of the account, or name of the service point.")
    before: str
    after: str
    before_days: int
    after_days: int
    change_a_day: str
    change_percent: str | None = Field(description="Of what was used a day before.")
    unit: str
    missing: int
    estimated: int


class UseChangesOut(Schema):
    """The largest changes, the largest first."""

    compared: int
    not_compared: int = Field(description="That have days in one of the periods alone.")
    rows: list[UseChangeOut]


class LossOut(Schema):
    """What a feeder delivers and the points behind it do not use."""

    from_: str = Field(alias="from", description="Begin in UTC, local day, or month.")
    delivered: str
    used: str
    loss: str
    loss_percent: str | None
    unit: str
    channels: int
    missing: int = Field(description="Intervals without a value, of the feeder or of a point.")
    estimated: int


class LossesOut(Schema):
    """Losses, step by step."""

    by: ConsumptionBy
    left_out: int = Field(description="Channels whose intervals are longer than an hour.")
    rows: list[LossOut]
