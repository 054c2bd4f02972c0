"""A bill: one account's result for one period, with one hash over all that it says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from central.domain.billing.bank_balance import BankBalance
from central.domain.billing.bill_amounts import BillAmounts
from central.domain.billing.cutover_figure import CutoverFigure
from central.domain.billing.period_text import period_members, period_of
from central.domain.billing.read import MeterRead
from central.domain.billing.short_document import short_document
from central.domain.billing.state import BillState
from central.domain.metering.day_start import day_start_text, read_day_start
from central.domain.rating.bill_lines.line import Rated, RatedLine, WrittenLine
from central.domain.rating.bill_lines.line_text import LineTexts
from central.domain.rating.hashing import canonical, canonical_again
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import MIDNIGHT


class RunType(StrEnum):
    """Why a bill was made."""

    REGULAR = "regular"
    FIRST = "first"
    FINAL = "final"
    OFF_CYCLE = "off_cycle"


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer, as the invoice names them.

    Args:
        name: Legal name.
        address: Lines.
        tax_id: VAT or tax number, "" for none.
        contact: Telephone, mail or web address, "" for none.
    """

    name: str
    address: tuple[str, ...] = ()
    tax_id: str = ""
    contact: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "name": self.name,
            "address": list(self.address),
            "tax_id": self.tax_id,
            "contact": self.contact,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Party:
        """The party that `to_json` wrote."""
        name, address = value["name"], tuple(value.get("address", ()))
        return cls(name, address, value.get("tax_id", ""), value.get("contact", ""))


class EarlierBill(NamedTuple):
    """An issued bill, as another names it.

    Args:
        number: Legal number as printed.
        issued: Local date of issue.
        sha256: Hex digest of all that it says.
    """

    number: str
    issued: date
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        issued = self.issued.isoformat()
        return {"number": self.number, "issued": issued, "sha256": self.sha256}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> EarlierBill:
        """The bill that `to_json` wrote."""
        return cls(value["number"], date.fromisoformat(value["issued"]), value["sha256"])


@dataclass(frozen=True, slots=True)
class BillLine:
    """A rated line at its place on a bill.

    Args:
        position: From 1, in print order.
        service_point: What it was charged for.
        line: With its lineage.
    """

    position: int
    service_point: str
    line: RatedLine

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        line = self.line.to_json()
        return {"position": self.position, "service_point": self.service_point, "line": line}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> BillLine:
        """The line that `to_json` wrote."""
        return cls(value["position"], value["service_point"], RatedLine.from_json(value["line"]))


@dataclass(frozen=True, slots=True)
class Supply:
    """What one service point of the account contributes.

    Args:
        service_point: As printed.
        tariff: As printed.
        days: Local days billed.
        zone: IANA zone of those days.
        rated: The rater's result.
        reads: Of its meters.
        day_start: Time of day at which the days begin.
        settles: Whether it bills no day, but settles what was left after the last one.
        banks: What it did to its banks.
        taken_over: What else another billing system left to it.
    """

    service_point: str
    tariff: str
    days: DayRange
    zone: str
    rated: Rated
    reads: tuple[MeterRead, ...] = ()
    day_start: time = MIDNIGHT
    settles: bool = False
    banks: tuple[BankBalance, ...] = ()
    taken_over: tuple[CutoverFigure, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill:
    """One account's bill for one period. (account, period, run type, revision) is unique.

    Args:
        account: Who pays.
        period: Of its cycle.
        run_type: Why it was made.
        revision: 0; one more for each bill that replaces a cancelled one.
        seller: Who charges.
        buyer: Who is charged.
        supplies: Service points, tariffs, days and reads.
        currency: ISO 4217 letters.
        lines: In print order.
        holds: Why it cannot be approved; empty where it can.
        state: Where it stands; not part of the hash.
        replaces: Hash of all that the bill says that this one replaces, "" for none.
        previous_balance: As the receivables system says, not part of the total. [currency]
        settled_in_net: Whether its net counts settlement lines, as earlier releases said it.
        cancels: Of a credit note, the bill that it cancels.
        replaced: Number of the bill that this one replaces, "" for none.
        written_lines: Lines whose text was made when they were rated.
    """

    account: str
    period: BillingPeriod
    run_type: RunType
    revision: int
    seller: Party
    buyer: Party
    supplies: tuple[SupplySummary, ...]
    currency: str
    lines: tuple[BillLine, ...]
    holds: tuple[Hold, ...] = ()
    state: BillState = BillState.DRAFT
    replaces: str = ""
    previous_balance: Decimal | None = None
    settled_in_net: bool = False
    cancels: EarlierBill | None = None
    replaced: str = ""
    written_lines: tuple[WrittenLine, ...] = field(default=(), compare=False, repr=False)

    @property
    def amounts(self) -> BillAmounts:
        """What it comes to."""
        lines = ((entry.line.kind, entry.line.amount) for entry in self.lines)
        return BillAmounts.of(lines, self.previous_balance, apart=not self.settled_in_net)

    @property
    def bank_texts(self) -> tuple[str, ...]:
        """What it did to banks, a line each; of which point where it has several."""
        return self._of_points((supply, bank) for supply in self.supplies for bank in supply.banks)

    @property
    def carried_texts(self) -> tuple[str, ...]:
        """What another system left to it, and what it did to banks, likewise."""
        taken = ((supply, figure) for supply in self.supplies for figure in supply.taken_over)
        return (*self._of_points(taken), *self.bank_texts)

    def _of_points(
        self, figures: Iterable[tuple[SupplySummary, BankBalance | CutoverFigure]]
    ) -> tuple[str, ...]:
        several = len({supply.service_point for supply in self.supplies}) > 1
        return tuple(
            f"{supply.service_point}, {figure.text}" if several else figure.text
            for supply, figure in figures
        )

    @property
    def days(self) -> DayRange:
        """From the first day of any supply to the last."""
        return DayRange(
            min(supply.days.first for supply in self.supplies),
            max(supply.days.end for supply in self.supplies),
        )

    @property
    def sha256(self) -> str:
        """Hex digest of what the bill says: made again from the same inputs, it is the same.

        The state is left out, since it changes; so are number and dates, which come at issue.
        """
        return self.canonical_text().sha256

    def canonical_text(self) -> CanonicalText:
        """What it says as text, each line once, with its hash."""
        texts = LineTexts(self.written_lines)
        lines = tuple(texts.of(entry.line) for entry in self.lines)
        entries = (
            f'{{"line":{line},"position":{said.position},"service_point":{canonical(said.service_point)}}}'
            for said, line in zip(self.lines, lines, strict=True)
        )
        head = {**self._head(), "lines": []}
        del head["state"]
        document = canonical(head)
        # In a string a quote follows a backslash, so only the member itself looks like this.
        whole = document.replace('"lines":[]', f'"lines":[{",".join(entries)}]', 1)
        sha256 = hashlib.sha256(whole.encode()).hexdigest()
        short = canonical_again(short_document(head, priced=bool(lines)))
        return CanonicalText(short, lines, sha256)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts as strings."""
        return {**self._head(), "lines": [entry.to_json() for entry in self.lines]}

    def _head(self) -> dict[str, Any]:
        # Bills that are no links of a chain say what they always said.
        chain = {} if self.cancels is None else {"cancels": self.cancels.to_json()}
        return {
            "account": self.account,
            **period_members(self.period),
            "run_type": str(self.run_type),
            "revision": self.revision,
            "seller": self.seller.to_json(),
            "buyer": self.buyer.to_json(),
            "supplies": [supply.to_json() for supply in self.supplies],
            "currency": self.currency,
            "holds": [hold.to_json() for hold in self.holds],
            "state": str(self.state),
            "replaces": self.replaces,
            **({"replaced": self.replaced} if self.replaced else {}),
            **chain,
            **self.amounts.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Bill:
        """The bill that `to_json` wrote, or `short_document` of it; lines say its totals."""
        balance = value.get("previous_balance")
        lines = tuple(map(BillLine.from_json, value.get("lines", ())))
        settles = any(entry.line.kind == "settlement" for entry in lines)
        return cls(
            account=value["account"],
            period=period_of(value),
            run_type=RunType(value.get("run_type", RunType.REGULAR)),
            revision=value.get("revision", 0),
            seller=Party.from_json(value["seller"]),
            buyer=Party.from_json(value["buyer"]),
            supplies=tuple(map(SupplySummary.from_json, value["supplies"])),
            currency=value["currency"],
            lines=lines,
            holds=tuple(map(Hold.from_json, value.get("holds", ()))),
            state=BillState(value["state"]),
            replaces=value.get("replaces", ""),
            previous_balance=None if balance is None else Decimal(balance),
            settled_in_net=settles and "settled" not in value,
            cancels=EarlierBill.from_json(value["cancels"]) if "cancels" in value else None,
            replaced=value.get("replaced", ""),
        )


@dataclass(frozen=True, slots=True)
class SupplySummary:
    """What the bill says of one service point.

    Args:
        service_point: As printed.
        tariff: As printed.
        days: Local days billed.
        zone: IANA zone of those days.
        reads: Of its meters.
        input_sha256: Hash of everything that was rated.
        tzdata: Version of the time zone data used.
        day_start: Time of day at which the days begin.
        settles: Whether no day is billed, but what was left after the last one is settled.
        banks: What was done to its banks.
        taken_over: What else another billing system left to it.
    """

    service_point: str
    tariff: str
    days: DayRange
    zone: str
    reads: tuple[MeterRead, ...]
    input_sha256: str
    tzdata: str
    day_start: time = MIDNIGHT
    settles: bool = False
    banks: tuple[BankBalance, ...] = ()
    taken_over: tuple[CutoverFigure, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        # Bills of days that begin at midnight say what they always said.
        banks: dict[str, Any] = {}
        if self.banks:
            banks["banks"] = [bank.to_json() for bank in self.banks]
        if self.taken_over:
            banks["taken_over"] = [figure.to_json() for figure in self.taken_over]
        begins = {} if self.day_start == MIDNIGHT else {"day_start": day_start_text(self.day_start)}
        return {
            "service_point": self.service_point,
            "tariff": self.tariff,
            "first": self.days.first.isoformat(),
            "end": self.days.end.isoformat(),
            "zone": self.zone,
            **begins,
            **({"settles": True} if self.settles else {}),
            **banks,
            "reads": [read.to_json() for read in self.reads],
            "input_sha256": self.input_sha256,
            "tzdata": self.tzdata,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SupplySummary:
        """The summary that `to_json` wrote."""
        days = DayRange(date.fromisoformat(value["first"]), date.fromisoformat(value["end"]))
        return cls(
            value["service_point"],
            value["tariff"],
            days,
            value["zone"],
            tuple(map(MeterRead.from_json, value.get("reads", ()))),
            value["input_sha256"],
            value["tzdata"],
            read_day_start(value.get("day_start", day_start_text(MIDNIGHT))),
            value.get("settles", False),
            tuple(map(BankBalance.from_json, value.get("banks", ()))),
            tuple(map(CutoverFigure.from_json, value.get("taken_over", ()))),
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Who is billed, by whom.

    Args:
        number: Unique at the seller.
        buyer: Who is charged.
        seller: Who charges.
        previous_balance: As the receivables system says. [currency]
    """

    number: str
    buyer: Party
    seller: Party
    previous_balance: Decimal | None = None


class CanonicalText(NamedTuple):
    """A bill as canonical text.

    Args:
        document: All that it says but its lines, of which it has none, and its state.
        lines: Each with its lineage.
        sha256: Hex digest over document and lines.
    """

    document: str
    lines: tuple[str, ...]
    sha256: str
