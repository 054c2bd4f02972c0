"""What a regulator asks for, as it is answered."""

from __future__ import annotations

from pydantic import Field

from central.api.schemas.base import Schema
from central.domain.billing.regulator_figure import FigureName


class FigureOut(Schema):
    """How many of all were so."""

    figure: FigureName
    count: int
    of: int
    percent: str | None = Field(description="Cut after four places; `count` and `of` are exact.")
    target: str | None = Field(description="What is aimed at, such as `<= 1/250`.")
    met: bool | None


class MonthOfFiguresOut(Schema):
    """The figures of a month; one that goes on is counted until now."""

    month: str
    goes_on: bool
    figures: list[FigureOut]
