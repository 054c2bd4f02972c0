"""What correcting an account's issued bills would change: a report, for people and programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from central.domain.billing.line_difference import LineDifference, sum_of
from central.domain.rating.hashing import digest
from central.service.billing.rate_tail import CorrectedBill, CorrectedPart
from central.service.ports.corrections import BillBehind

_NOTHING = Decimal(0)
NO_DIFFERENCE = "no difference"


@dataclass(frozen=True, slots=True)
class TaxDifference:
    """What a tax comes to otherwise.

    Args:
        name: As the invoice prints it.
        rate: Percent.
        amount: That is charged more. [currency]
    """

    name: str
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CurrencyDifference:
    """What bills of one currency come to otherwise.

    Args:
        currency: ISO 4217 letters.
        net: Charged more before taxes. [currency]
        taxes: By tax and rate.
        settled: Of settlements, which are no price. [currency]
    """

    currency: str
    net: Decimal
    taxes: tuple[TaxDifference, ...]
    settled: Decimal

    @property
    def amount(self) -> Decimal:
        """All of it. [currency]."""
        return self.net + sum((tax.amount for tax in self.taxes), _NOTHING) + self.settled

    @classmethod
    def of(cls, currency: str, differences: Sequence[LineDifference]) -> CurrencyDifference:
        """The sums of lines that differ."""
        taxes: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
        for each in differences:
            if each.kind == "tax":
                taxes[each.name, each.tax_rate or _NOTHING] += each.amount
        return cls(
            currency,
            sum_of(each for each in differences if each.kind not in {"tax", "settlement"}),
            tuple(TaxDifference(name, rate, amount) for (name, rate), amount in taxes.items()),
            sum_of(each for each in differences if each.kind == "settlement"),
        )

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts as strings, exact."""
        return {
            "currency": self.currency,
            "net": _text(self.net),
            "taxes": [
                {"name": tax.name, "rate": _text(tax.rate), "amount": _text(tax.amount)}
                for tax in self.taxes
            ],
            "settled": _text(self.settled),
            "amount": _text(self.amount),
        }


@dataclass(frozen=True, slots=True)
class CorrectionReport:
    """The issued bills of an account from the earliest changed one on, before and after.

    Args:
        account: Number.
        bills: That were rated again, by time.
        behind: Bills of the account that are not issued: runs make drafts and held ones anew, and
            approved ones are drafts again once a correction is approved.
    """

    account: str
    bills: tuple[CorrectedBill, ...] = ()
    behind: tuple[BillBehind, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether a bill would say or leave anything else."""
        return any(bill.differences or bill.leaves_other for bill in self.bills)

    @property
    def tail(self) -> tuple[CorrectedBill, ...]:
        """The bills that would say or leave something else."""
        return tuple(bill for bill in self.bills if bill.differences or bill.leaves_other)

    @property
    def amounts(self) -> tuple[CurrencyDifference, ...]:
        """What they come to otherwise, by currency."""
        by_currency: dict[str, list[LineDifference]] = defaultdict(list)
        for bill in self.bills:
            by_currency[bill.head.currency] += bill.differences
        return tuple(CurrencyDifference.of(*each) for each in by_currency.items() if each[1])

    @property
    def kwh(self) -> Decimal:
        """Energy that is billed more. [kWh]."""
        return sum((corrected.kwh for corrected in self._parts()), _NOTHING)

    @property
    def leaves_other(self) -> bool:
        """Whether what comes behind the last of these bills opens with another state."""
        last = {corrected.occupancy_id: corrected.leaves_other for corrected in self._parts()}
        return any(last.values())

    @property
    def sha256(self) -> str:
        """Hex digest over what the bills say and leave now: who approves it approves this."""
        return digest(
            [
                [
                    corrected.part_id,
                    corrected.version,
                    [line.to_json() for line in corrected.after],
                    closing,
                ]
                for bill in self.tail
                for corrected, rerated in zip(bill.parts, bill.new.parts, strict=True)
                for closing in [rerated.closing.to_json()]
            ]
        )

    def _parts(self) -> Iterator[CorrectedPart]:
        return (corrected for bill in self.bills for corrected in bill.parts)

    @property
    def causes(self) -> tuple[str, ...]:
        """Inputs that are others, in words, each once."""
        causes = (str(cause) for bill in self.tail for cause in bill.causes)
        return tuple(dict.fromkeys(causes))

    def brief(self) -> dict[str, Any]:
        """As a JSON object without the lines: what a decision keeps of it."""
        return {
            "amounts": [each.to_json() for each in self.amounts],
            "kwh": _text(self.kwh),
            "bills": [bill.head.number for bill in self.tail],
            "causes": list(self.causes),
        }

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts and quantities as strings, exact."""
        return {
            "account": self.account,
            "differs": self.differs,
            "amounts": [each.to_json() for each in self.amounts],
            "kwh": _text(self.kwh),
            "leaves_other_state": self.leaves_other,
            "bills": [_bill(bill) for bill in self.bills],
            "behind": [
                {"bill": str(bill.uid), "name": bill.name, "state": bill.state}
                for bill in self.behind
            ],
        }


def _bill(bill: CorrectedBill) -> dict[str, Any]:
    head = bill.head
    return {
        "bill": str(head.uid),
        "number": head.number,
        "period": head.period,
        "causes": [str(cause) for cause in bill.causes],
        "parts": [_corrected(corrected) for corrected in bill.parts],
    }


def _corrected(corrected: CorrectedPart) -> dict[str, Any]:
    return {
        "service_point": corrected.service_point,
        "tariff": corrected.tariff,
        "first": corrected.days.first.isoformat(),
        "end": corrected.days.end.isoformat(),
        "version": corrected.version,
        "old_kwh": _text(corrected.old_kwh),
        "new_kwh": _text(corrected.new_kwh),
        "leaves_other_state": corrected.leaves_other,
        "differences": [each.to_json() for each in corrected.differences],
        "before": [line.to_json() for line in corrected.before],
        "after": [line.to_json() for line in corrected.after],
    }


def _text(number: Decimal) -> str:
    return format(number, "f")
