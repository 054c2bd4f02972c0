"""What another system billed, against the bills that are here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from central.api.schemas.base import Schema
from central.api.schemas.writes import Order
from central.domain.billing.shadow_bill import ShadowClass

_Csv = Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]


class ShadowIn(Order):
    """Lines of another system, as CSV; and its names of our charges, likewise."""

    LINES = frozenset({"file", "names"})

    file: _Csv
    names: _Csv | None = None
    decimal_comma: bool = False


class ShadowLineOut(Schema):
    """A line of the other system beside ours; `difference` is what we charge more."""

    kind: ShadowClass = Field(validation_alias="class", serialization_alias="class")
    charge: str
    label: str
    their_quantity: str | None
    our_quantity: str | None
    their_price: str | None
    our_price: str | None
    their_amount: str | None
    our_amount: str | None
    difference: str


class ShadowBillOut(Schema):
    """A bill of the other system beside ours, if one is made."""

    account: str
    period: str
    bill: str | None
    their_total: str
    our_total: str
    equal: bool
    lines: list[ShadowLineOut]


class ShadowClassOut(Schema):
    """How many lines differ so."""

    kind: ShadowClass = Field(validation_alias="class", serialization_alias="class")
    lines: int
    difference: str


class ShadowReportOut(Schema):
    """All bills that were compared; the share that is equal to the cent is an exact fraction."""

    bills: int
    equal_bills: int
    share_equal: str | None
    classes: list[ShadowClassOut]
    compared: list[ShadowBillOut]
