"""What all schemas share: exact numbers as strings, RFC 3339 times, pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    model_validator,
)

from central.api.plain_requests import far_day
from central.service.views.paging import Page
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity

View = TypeVar("View")
Item = TypeVar("Item")


def plain_decimal(value: Decimal) -> str:
    """All digits, without an exponent."""
    return f"{value:f}"


def rfc3339(instant: datetime) -> str:
    """UTC with Z, and a fraction only where there is one."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        message = "a time in the years 1 to 9999 UTC"
        raise ValueError(message) from None


def _lower_name(value: object) -> object:
    return value.name.lower() if isinstance(value, Enum) else value


def _symbol(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _code(value: object) -> object:
    return str(value) if isinstance(value, Obis) else value


def _near(day: date) -> date:
    far = far_day(day)
    if far is not None:
        raise ValueError(far)
    return day


When = Annotated[AwareDatetime, AfterValidator(_near), AfterValidator(_in_utc)]
Day = Annotated[date, AfterValidator(_near)]
Exact = Annotated[Decimal, PlainSerializer(plain_decimal, return_type=str)]
Instant = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str)]
LowerName = Annotated[str, BeforeValidator(_lower_name)]
Symbol = Annotated[str, BeforeValidator(_symbol)]
ObisCode = Annotated[str, BeforeValidator(_code)]


class Schema(BaseModel):
    """A schema filled from a view's attributes of the same names; each field is written once."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", use_enum_values=False)

    @classmethod
    def fill(cls, view: object, **beside: object) -> Self:
        """The schema of a view, and of what is given beside its attributes."""
        names = cls.model_fields.keys() - beside.keys()
        return cls.model_validate({name: getattr(view, name) for name in names} | beside)


class QuantityOut(Schema):
    """A value and its unit."""

    value: Exact
    unit: str

    @model_validator(mode="before")
    @classmethod
    def _of_quantity(cls, value: object) -> object:
        if isinstance(value, Quantity):
            return {"value": value.decimal(), "unit": value.unit.value}
        return value


class PageOut(BaseModel, Generic[Item]):
    """Some items of a list, and the cursor of those that follow."""

    items: list[Item]
    after: str | None


def page_out(page: Page[View], change: Callable[[View], Item]) -> PageOut[Item]:
    """The schema of a page."""
    return PageOut(items=[change(row) for row in page.rows], after=page.after)
