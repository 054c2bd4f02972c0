"""What rating gives back: determinants with lineage, bill lines, holds. All of it can be stored.

Lines and what is behind them are named tuples, since a bill run makes millions from columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from central.domain.rating.bill_lines.adjusted_line import AdjustedLine
from central.domain.rating.bill_lines.bill_form import figures_of
from central.domain.rating.hashing import canonical
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.usage_event import EventSource


class Selection(NamedTuple):
    """Which intervals count: runs of steps from an instant.

    Args:
        start: First instant. UTC.
        step_s: Length of an interval. [s]
        runs: (offset, length) in steps, ascending, not touching.
    """

    start: datetime
    step_s: int
    runs: tuple[tuple[int, int], ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        runs = [list(run) for run in self.runs]
        return {"start": self.start.isoformat(), "step_s": self.step_s, "runs": runs}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Selection:
        """The selection that `to_json` wrote."""
        runs = tuple((offset, length) for offset, length in value["runs"])
        return cls(datetime.fromisoformat(value["start"]), value["step_s"], runs)


class Determinant(NamedTuple):
    """A number that prices apply to, with everything it rests on.

    Args:
        name: As the tariff names it.
        segment: Number of the segment, from 0.
        label: Period, "" for none.
        unit: Unit of the value (`kWh`, `kW`, ...).
        exact: The value before rounding.
        value: The value that is priced and printed: `exact` where the tariff rounds nothing.
        how: `sum`, `max`, `daily_max`, `mean_max`, `excess`, `excess_root`, `weighted`, `formula`,
            `allowance`, `counter`, `fact`, or what events make: `unique`, `latest` and so on.
        selection: Intervals of a sum, or of the window of a maximum; None where none are behind.
        sources: Blocks behind it.
        of: Keys of determinants a formula read.
        adjusted: What a bank took from or gave to the sum of the intervals; `exact` holds it.
        events: Events behind it, None where it is made of none.
        bank: Of energy that it is netted with, "" for none.
        over: Contracted power that windows are above, and for how many of them, in their order.
        prices: Of its intervals, as `price_text` writes them; "" where they have none of their own.
        worth: What they come to at these prices, where its line charges something else; None
            elsewhere. [currency]
    """

    name: str
    segment: int
    label: str
    unit: str
    exact: Fraction
    value: Fraction
    how: str
    selection: Selection | None = None
    sources: tuple[BlockSource, ...] = ()
    of: tuple[str, ...] = ()
    adjusted: Fraction = Fraction(0)
    events: EventSource | None = None
    bank: str = ""
    over: tuple[tuple[Fraction, int], ...] = ()
    prices: str = ""
    worth: Fraction | None = None

    @property
    def key(self) -> str:
        """`name/segment/label`: unique in a bill."""
        return f"{self.name}/{self.segment}/{self.label}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; numbers as strings, fractions as `n/d`."""
        said = {
            "name": self.name,
            "segment": self.segment,
            "label": self.label,
            "unit": self.unit,
            "exact": ratio(self.exact),
            "value": ratio(self.value),
            "how": self.how,
            "selection": None if self.selection is None else self.selection.to_json(),
            "sources": [source.to_json() for source in self.sources],
            "of": list(self.of),
            "adjusted": ratio(self.adjusted),
        }
        if self.events is not None:
            said["events"] = self.events.to_json()
        if self.bank:
            said["bank"] = self.bank
        if self.over:
            said["over"] = [[ratio(power), count] for power, count in self.over]
        if self.prices:
            said["prices"] = self.prices
        if self.worth is not None:
            said["worth"] = ratio(self.worth)
        return said

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Determinant:
        """The determinant that `to_json` wrote."""
        selection = value["selection"]
        return cls(
            name=value["name"],
            segment=value["segment"],
            label=value["label"],
            unit=value["unit"],
            exact=Fraction(value["exact"]),
            value=Fraction(value["value"]),
            how=value["how"],
            selection=None if selection is None else Selection.from_json(selection),
            sources=tuple(map(BlockSource.from_json, value["sources"])),
            of=tuple(value["of"]),
            adjusted=Fraction(value.get("adjusted", "0")),
            events=EventSource.from_json(value["events"]) if "events" in value else None,
            bank=value.get("bank", ""),
            over=tuple((Fraction(power), count) for power, count in value.get("over", ())),
            prices=value.get("prices", ""),
            worth=Fraction(value["worth"]) if "worth" in value else None,
        )


class RatedLine(NamedTuple):
    """One charge on the bill.

    Args:
        id: Of the charge, rider, minimum or tax in the tariff.
        key: Unique in the bill: the id with segment, period and tier where there are several.
        kind: `fixed`, `energy`, `demand`, `usage`, `rider`, `minimum`, `credit`, `adjustment`,
            `tax` or `settlement`.
        name: As the invoice prints it.
        label: Period, "" for none.
        tier: Number of the tier from 1, 0 for none.
        segment: Number of the segment, from 0.
        first: First local day it covers.
        end: The local day after the last.
        quantity: What is charged, as printed; None where a line has only an amount.
        unit: Its unit.
        price: Price per unit (percent for percent lines), None where there is none.
        exact: The amount before rounding. [currency]
        amount: The amount of the bill. [currency]
        tariff_sha256: Hash of the tariff version.
        determinants: What the quantity rests on, with lineage.
        of: Keys of lines that a percent or minimum rests on.
        note: What a reader needs to follow the arithmetic (share of a month, scaled bound).
        adjusts: The line of an issued bill that it adjusts; None where it charges by itself.
    """

    id: str
    key: str
    kind: str
    name: str
    label: str
    tier: int
    segment: int
    first: date
    end: date
    quantity: Decimal | None
    unit: str
    price: Decimal | None
    exact: Fraction
    amount: Decimal
    tariff_sha256: str
    determinants: tuple[Determinant, ...] = ()
    of: tuple[str, ...] = ()
    note: str = ""
    adjusts: AdjustedLine | None = None

    def to_json(self, known: Sequence[Determinant] | None = None) -> dict[str, Any]:
        """As a JSON object; amounts, prices and quantities as strings.

        Args:
            known: Determinants told beside the line, which then only gives their numbers.
        """
        behind: list[Any] = [determinant.to_json() for determinant in self.determinants]
        if known is not None:
            behind = [known.index(determinant) for determinant in self.determinants]
        adjusts = {} if self.adjusts is None else {"adjusts": self.adjusts.to_json()}
        return adjusts | {
            "id": self.id,
            "key": self.key,
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "tier": self.tier,
            "segment": self.segment,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "quantity": None if self.quantity is None else format(self.quantity, "f"),
            "unit": self.unit,
            "price": None if self.price is None else format(self.price, "f"),
            "exact": ratio(self.exact),
            "amount": format(self.amount, "f"),
            "tariff_sha256": self.tariff_sha256,
            "determinants": behind,
            "of": list(self.of),
            "note": self.note,
        }

    @classmethod
    def from_json(
        cls, value: dict[str, Any], known: Sequence[Determinant] | None = None
    ) -> RatedLine:
        """The line that `to_json` wrote.

        Args:
            value: What it wrote.
            known: As `to_json` was given.
        """
        behind = value["determinants"]
        quantity, price = value["quantity"], value["price"]
        return cls(
            id=value["id"],
            key=value["key"],
            kind=value["kind"],
            name=value["name"],
            label=value["label"],
            tier=value["tier"],
            segment=value["segment"],
            first=date.fromisoformat(value["first"]),
            end=date.fromisoformat(value["end"]),
            quantity=None if quantity is None else Decimal(quantity),
            unit=value["unit"],
            price=None if price is None else Decimal(price),
            exact=Fraction(value["exact"]),
            amount=Decimal(value["amount"]),
            tariff_sha256=value["tariff_sha256"],
            determinants=tuple(
                map(Determinant.from_json if known is None else known.__getitem__, behind)
            ),
            of=tuple(value["of"]),
            note=value["note"],
            adjusts=AdjustedLine.from_json(value["adjusts"]) if "adjusts" in value else None,
        )


class WrittenLine(NamedTuple):
    """A line and its canonical text.

    Args:
        line: The line.
        text: As `canonical(line.to_json())` writes it.
    """

    line: RatedLine
    text: str


class RatedTexts(Protocol):
    """The canonical texts of bills that were rated together; made when they are asked for."""

    @property
    def figures(self) -> Sequence[str]:
        """The figures of each bill."""

    @property
    def lines(self) -> Sequence[tuple[str, ...]]:
        """The lines of each bill."""


@dataclass(frozen=True, slots=True)
class Rated:
    """The result of rating one agreement for one billing period.

    Args:
        currency: ISO 4217 letters.
        lines: In print order; empty where something holds the bill.
        determinants: All that the tariff names and all that a line rests on, with lineage.
        closing: State that the next bill opens with.
        holds: Reasons that keep the bill from being priced.
        input_sha256: Hex digest over everything that went in.
        tzdata: Version of the time zone data used.
        expired: What lapsed of banks of money, by bank. [currency]
        texts: Those of the bills that it was rated with; None where it was rated alone.
        number: Its number among these.
    """

    currency: str
    lines: tuple[RatedLine, ...]
    determinants: tuple[Determinant, ...]
    closing: CarriedState
    holds: tuple[Hold, ...] = ()
    input_sha256: str = ""
    tzdata: str = ""
    expired: Mapping[str, Fraction] = field(default_factory=dict, compare=False, repr=False)
    texts: RatedTexts | None = field(default=None, compare=False, repr=False)
    number: int = field(default=0, compare=False, repr=False)

    @property
    def total(self) -> Decimal:
        """The sum of the lines. [currency]."""
        return sum((line.amount for line in self.lines), Decimal(0))

    def quantity(self, name: str) -> Fraction:
        """The sum of a determinant over segments and labels, as priced."""
        values = (found.value for found in self.determinants if found.name == name)
        return sum(values, Fraction(0))

    @property
    def figures(self) -> str:
        """Canonical text of what is its own, and of the hash of its form: what is hashed."""
        if self.texts is None:
            return canonical(figures_of(self.to_json()))
        return self.texts.figures[self.number]

    @property
    def written_lines(self) -> Iterator[WrittenLine]:
        """The lines with their text, where they were rated with those of other bills."""
        if self.texts is None:
            return iter(())
        return map(WrittenLine, self.lines, self.texts.lines[self.number])

    @property
    def sha256(self) -> str:
        """Hex digest of inputs and result: the same inputs give the same."""
        return hashlib.sha256(self.figures.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; lines name their determinants by number."""
        return {
            "currency": self.currency,
            "lines": [line.to_json(self.determinants) for line in self.lines],
            "determinants": [determinant.to_json() for determinant in self.determinants],
            "closing": self.closing.to_json(),
            "holds": [hold.to_json() for hold in self.holds],
            "input_sha256": self.input_sha256,
            "tzdata": self.tzdata,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Rated:
        """The result that `to_json` wrote."""
        determinants = tuple(map(Determinant.from_json, value["determinants"]))
        return cls(
            currency=value["currency"],
            lines=tuple(RatedLine.from_json(line, determinants) for line in value["lines"]),
            determinants=determinants,
            closing=CarriedState.from_json(value["closing"]),
            holds=tuple(map(Hold.from_json, value["holds"])),
            input_sha256=value["input_sha256"],
            tzdata=value["tzdata"],
        )


def ratio(value: Fraction) -> str:
    """A fraction as text: `n/d`, in lowest terms."""
    return f"{value.numerator}/{value.denominator}"
