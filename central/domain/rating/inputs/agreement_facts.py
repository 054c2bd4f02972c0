"""Facts of an agreement that a tariff needs: effective-dated numbers, truths and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.plain_number import plain_decimal

FactValue = Decimal | bool | str
_BEGINNING = date(1, 1, 1)


@dataclass(frozen=True, slots=True)
class Fact:
    """A value from a local date on.

    Args:
        name: As the tariff's `needs` names it.
        value: A number, a truth or a word.
        effective: First local date; until the next fact of that name.
    """

    name: str
    value: FactValue
    effective: date = _BEGINNING


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """Everything known about an agreement, and where it is occupied.

    Args:
        facts: In any order.
    """

    facts: tuple[Fact, ...] = ()

    @classmethod
    def of(cls, **values: FactValue) -> AgreementFacts:
        """Facts that have always held."""
        return cls(tuple(Fact(name, value) for name, value in values.items()))

    def at(self, name: str, day: date) -> FactValue | None:
        """The value on a local date, None where it is not known."""
        known = [fact for fact in self.facts if fact.name == name and fact.effective <= day]
        return max(known, key=lambda fact: fact.effective).value if known else None

    def over(self, name: str, days: DayRange) -> Iterator[tuple[FactValue | None, DayRange]]:
        """The values over some local dates, each with the dates on which it holds, ascending."""
        changes = {fact.effective for fact in self.facts if fact.name == name}
        begins = sorted({days.first, *(day for day in changes if days.first < day < days.end)})
        for first, end in zip(begins, [*begins[1:], days.end], strict=True):
            yield self.at(name, first), DayRange(first, end)

    def entered(self, name: str, effective: date) -> Fact | None:
        """The fact of a name that begins on just that date."""
        begins = (name, effective)
        return next((fact for fact in self.facts if (fact.name, fact.effective) == begins), None)

    def merged(self, others: AgreementFacts) -> AgreementFacts:
        """These facts, with others added or put in the place of those of one name and date."""
        facts = {(fact.name, fact.effective): fact for fact in self.facts}
        facts |= {(fact.name, fact.effective): fact for fact in others.facts}
        return AgreementFacts(tuple(facts.values()))

    def to_json(self) -> list[dict[str, Any]]:
        """As JSON, ascending by name and date."""
        ordered = sorted(self.facts, key=lambda fact: (fact.name, fact.effective))
        return [
            {
                "name": fact.name,
                "value": fact.value if isinstance(fact.value, bool | str) else str(fact.value),
                "kind": _kind(fact.value),
                "effective": fact.effective.isoformat(),
            }
            for fact in ordered
        ]

    @classmethod
    def from_json(cls, value: list[dict[str, Any]]) -> AgreementFacts:
        """The facts that `to_json` wrote."""
        return cls(
            tuple(
                Fact(
                    entry["name"],
                    Decimal(entry["value"]) if entry["kind"] == "number" else entry["value"],
                    date.fromisoformat(entry["effective"]),
                )
                for entry in value
            )
        )


def spelled(text: str) -> FactValue:
    """The truth, number or word that a text spells; what is no finite number is a word."""
    if text in {"true", "false"}:
        return text == "true"
    number = plain_decimal(text)
    return text if number is None else number


def _kind(value: FactValue) -> str:
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"
