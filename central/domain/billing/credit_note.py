"""A credit note: what cancels an issued bill, or parts of it, by lines of opposite sign.

Nothing is rated again: lines are copied as they were printed, taxes among them, each at the place
that it has on the bill. See docs/explanation/billing.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from central.domain.billing.bill import Bill, BillLine, EarlierBill, SupplySummary
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import OperatorError


class NotCancellableError(OperatorError):
    """The bill cannot be cancelled: it is not issued, or a credit note itself."""

    code = "NOT_CANCELLABLE"
    default_remedy = "Discard a draft or held bill, and take an approved one back with `withdraw`."


class AlreadyCancelledError(OperatorError):
    """The bill, or a part of it, is cancelled already, or a draft of its credit note is there."""

    code = "ALREADY_CANCELLED"
    default_remedy = "Look at its credit note with `bill show`."


class BilledBehindError(OperatorError):
    """Days behind those of the bill are issued, and would have nothing to begin at."""

    code = "BILLED_BEHIND"
    default_remedy = "Cancel the later bill first, or both in one decision."


class AdjustedError(OperatorError):
    """What a credit note is about was adjusted on another bill after it was proposed."""

    code = "BILL_ADJUSTED"
    default_remedy = "Discard the credit note and propose it again: it will credit that as well."


class TailMovedError(OperatorError):
    """Bills behind those of a decision are others than when it was proposed."""

    code = "TAIL_MOVED"
    default_remedy = "Discard what was proposed and propose it again, with what is behind."


class DecidedTogetherError(OperatorError):
    """Bills that were proposed together are decided together, and one of them is refused."""

    code = "DECIDED_TOGETHER"
    default_remedy = "Discard what was proposed and propose it again."


class PartsUnclearError(OperatorError):
    """Some parts of a bill cannot be cancelled by themselves."""

    code = "PARTS_UNCLEAR"
    default_remedy = "Cancel the whole bill."


class IssuedPart(NamedTuple):
    """A part of an issued bill.

    Args:
        id: Its key.
        point: Name of the service point.
        service: Name of the service.
        tariff: Name of the tariff.
        days: Local days that it says.
        cancelled_by: Number of the credit note, its identifier while it is a draft; "" for none.
        lines: Numbers of its lines in the bill; None where an earlier release did not keep them.
    """

    id: int
    point: str
    service: str
    tariff: str
    days: DayRange
    cancelled_by: str = ""
    lines: range | None = None

    def __str__(self) -> str:
        return f"{self.point} {self.service}, {self.days.first} to {self.days.last}"


class CarriedLine(NamedTuple):
    """A line of an issued bill that adjusts a part of another, and is not credited.

    Args:
        part_id: Key of the part that it adjusts.
        bill: Identifier of the bill that it is on.
        number: Of the line there.
    """

    part_id: int
    bill: UUID
    number: int


class CreditNote(NamedTuple):
    """A credit note to be kept as a draft.

    Args:
        uid: Of the bill that it cancels.
        parts: Keys of the parts that it is about; none where it only credits adjustments that the
            bill carries.
        bill: What it says.
        kwh: Billed energy of those parts; None for all that stands of the bill. [kWh]
    """

    uid: UUID
    parts: tuple[int, ...]
    bill: Bill
    kwh: Decimal | None = None


def mirrored(
    bill: Bill, of: EarlierBill, numbers: Collection[int], parts: Sequence[IssuedPart] = ()
) -> Bill:
    """What a credit note says.

    Args:
        bill: An issued bill.
        of: The same, as it is named.
        numbers: Of the lines that it credits.
        parts: Of which parts it says so; none for the whole bill.

    Raises:
        PartsUnclearError: Several parts say the same.
    """
    supplies = [_supply_of(bill, issued) for issued in parts] or bill.supplies
    return replace(
        bill,
        supplies=tuple(replace(supply, reads=(), banks=(), taken_over=()) for supply in supplies),
        lines=tuple(_opposite(entry) for entry in bill.lines if entry.position in numbers),
        state=BillState.DRAFT,
        replaces="",
        replaced="",
        previous_balance=None,
        cancels=of,
    )


def _opposite(entry: BillLine) -> BillLine:
    line = entry.line
    opposite = line._replace(
        quantity=None if line.quantity is None else _negated(line.quantity),
        exact=-line.exact,
        amount=_negated(line.amount),
        determinants=(),
    )
    return replace(entry, line=opposite)


def _negated(value: Decimal) -> Decimal:
    """With the digits that it has, whatever the context rounds to; zero stays as it is."""
    return value.copy_negate() if value else value


def numbers_of(bill: Bill, parts: Sequence[IssuedPart]) -> set[int]:
    """The numbers of the lines of some parts of a bill.

    Raises:
        PartsUnclearError: It is not told apart which lines are theirs.
    """
    return {number for issued in parts for number in _numbers_of(bill, issued)}


def _numbers_of(bill: Bill, issued: IssuedPart) -> Iterable[int]:
    if issued.lines is not None:
        return issued.lines
    # An earlier release made the bill: its lines are told by point and days, where only one part
    # has these.
    owners = {entry.position: _owners(entry, bill.supplies) for entry in bill.lines}
    if any(len(of) != 1 for of in owners.values()):
        message = "It is not told apart which lines of the bill are those of its parts."
        raise PartsUnclearError(message, value=bill.account)
    supply = _supply_of(bill, issued)
    return [number for number, of in owners.items() if of == [supply]]


def _owners(entry: BillLine, supplies: Sequence[SupplySummary]) -> list[SupplySummary]:
    """The supplies whose line it may be: of its point, with its days."""
    return [
        supply
        for supply in supplies
        if supply.service_point == entry.service_point
        and supply.days.first <= entry.line.first
        and entry.line.end <= supply.days.end
    ]


def _supply_of(bill: Bill, issued: IssuedPart) -> SupplySummary:
    """What a bill says of one of its parts.

    Raises:
        PartsUnclearError: Several parts say the same point, tariff and days.
    """
    matches = [
        supply
        for supply in bill.supplies
        if (issued.point, issued.tariff, issued.days)
        == (supply.service_point, supply.tariff, supply.days)
    ]
    if len(matches) != 1:
        message = f"The bill says {len(matches)} times: {issued}."
        raise PartsUnclearError(message, value=str(issued))
    return matches[0]


def chosen_parts(parts: Sequence[IssuedPart], points: Collection[str]) -> list[IssuedPart]:
    """Those parts of a bill that are of some service points.

    Args:
        parts: All of the bill.
        points: Names of service points; none for all.

    Raises:
        PartsUnclearError: A name is that of no part.
    """
    missing = sorted(set(points) - {issued.point for issued in parts})
    if missing:
        message = f"The bill has no part of {', '.join(missing)}."
        there = "; ".join(map(str, parts))
        raise PartsUnclearError(message, value=missing[0], remedy=f"Its parts are: {there}.")
    return [issued for issued in parts if not points or issued.point in points]
