"""What all schemas share: exact numbers as strings, RFC 3339 times, pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Generic, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer

from central.service.views.paging import Page
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
        message = "a time of the years 1 to 9999, in UTC too"
        raise ValueError(message) from None


When = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Exact = Annotated[Decimal, PlainSerializer(plain_decimal, return_type=str)]
Instant = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str)]


class Schema(BaseModel):
    """A schema filled from a view's attributes."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", use_enum_values=False)


class QuantityOut(Schema):
    """A value and its unit."""

    value: Exact
    unit: str

    @classmethod
    def of(cls, quantity: Quantity) -> Self:
        """The schema of a quantity."""
        return cls(value=quantity.decimal(), unit=quantity.unit.value)


class PageOut(BaseModel, Generic[Item]):
    """Some items of a list, and the cursor of those that follow."""

    items: list[Item]
    after: str | None


def page_out(page: Page[View], change: Callable[[View], Item]) -> PageOut[Item]:
    """The schema of a page."""
    return PageOut(items=[change(row) for row in page.rows], after=page.after)
