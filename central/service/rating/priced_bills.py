"""Priced bills as objects, for whoever reads JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.lineage import Explained, IntervalUsed, explain
from central.domain.rating.rounding import printed
from central.domain.tariff.document import TariffDocument
from central.service.rating.rate_bills import PricedBill, total_of


def to_object(
    document: TariffDocument,
    bills: Sequence[PricedBill],
    *,
    lines: Collection[str] = (),
    explained: bool = False,
    events: Events | None = None,
) -> dict[str, Any]:
    """The result as one JSON object; every amount and quantity a string.

    Args:
        document: A version of the tariff.
        bills: Ascending.
        lines: Ids or keys of the lines to give; all where empty.
        explained: Whether each line has the intervals that it is made from.
        events: That lines rest on.
    """
    zone = ZoneInfo(document.zone)
    rows = []
    for bill in bills:
        amounts: dict[str, Decimal] = {}
        for line in bill.rated.lines:
            amounts[line.id] = amounts.get(line.id, Decimal(0)) + line.amount
        printed_lines = []
        for line in bill.lines_of(lines):
            row = _line(bill, line)
            if explained:
                proofs = explain(line, bill.billed.blocks, events)
                row["explained"] = [_proof(proof, zone) for proof in proofs]
            printed_lines.append(row)
        days = bill.billed.days
        rows.append(
            {
                "month": bill.billed.name,
                "first": days.first.isoformat(),
                "end": days.end.isoformat(),
                "kwh": plain(bill.kwh),
                "peak_kw": plain(bill.peak_kw),
                "charges": [
                    {"id": name, "amount": format(amount, "f")} for name, amount in amounts.items()
                ],
                "lines": printed_lines,
                "total": format(bill.rated.total, "f"),
                "amounts": bill.amounts.to_json(),
                "closing": bill.rated.closing.to_json(),
                "sha256": bill.rated.sha256,
            }
        )
    return {
        "tariff": document.tariff,
        "currency": document.currency.code,
        "months": rows,
        "year": {
            "kwh": plain(sum((bill.kwh for bill in bills), Fraction(0))),
            "total": format(total_of(bills), "f"),
        },
    }


def plain(value: Fraction) -> str:
    """A quantity as text."""
    return format(printed(value), "f")


def _line(bill: PricedBill, line: RatedLine) -> dict[str, Any]:
    row = line._replace(determinants=()).to_json()
    del row["determinants"]
    return row | {"taxes": list(bill.taxes_on(line))}


def _proof(proof: Explained, zone: ZoneInfo) -> dict[str, Any]:
    determinant = proof.determinant
    return {
        "determinant": determinant.key,
        "how": determinant.how,
        "of": list(determinant.of),
        "value": plain(determinant.value),
        "exact": plain(determinant.exact),
        "adjusted": plain(determinant.adjusted),
        "unit": determinant.unit,
        "sum": plain(proof.sum),
        **({} if proof.worth is None else {"worth": plain(proof.worth)}),
        "intervals": [_interval(used, zone) for used in proof.intervals],
        **({"events": [event.to_json() for event in proof.events]} if proof.events else {}),
    }


def _interval(used: IntervalUsed, zone: ZoneInfo) -> dict[str, Any]:
    said: dict[str, Any] = {
        "input": used.series,
        "channel": used.channel_id,
        "start": local_text(used.start, zone),
        "minutes": (used.end - used.start) // timedelta(minutes=1),
        "value": format(used.value, "f"),
        "weight": str(used.weight),
        "counted": plain(used.counted),
        "quality": used.quality,
    }
    if used.price is not None and used.worth is not None:
        said |= {"price": plain(used.price), "amount": plain(used.worth)}
    return said


def local_text(instant: datetime, zone: ZoneInfo) -> str:
    """An instant by the local clock, with its offset."""
    return instant.astimezone(zone).isoformat(timespec="minutes")
