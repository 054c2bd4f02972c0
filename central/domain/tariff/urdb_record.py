"""The rates of a URDB record, read and refused field by field."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from central.domain.tariff.refusal import Code, TariffFinding, TariffRefusedError
from central.domain.tariff.urdb_metering import Rule

MONTHS, HOURS = 12, 24
_NO_LIMIT = Decimal("1e37")
Said = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tier:
    """One entry of a rate structure."""

    top: Decimal | None
    unit: str
    rate: Decimal
    sell: Decimal


@dataclass(frozen=True, slots=True)
class Rates:
    """A record, and how to read it.

    Args:
        record: Fields to price.
        file: For findings.
        reference: Whether to follow the reference's conventions.
        metering: Rule for generation, None for none.
        generation: Whether the customer generates, so that the rule applies.
        true_up_month: Month whose bill settles credits.
        surplus_price: Of energy left then. [currency/kWh]
    """

    record: dict[str, Any]
    file: str
    reference: bool = False
    metering: Rule | None = None
    generation: bool = False
    true_up_month: int = 12
    surplus_price: Decimal = Decimal(0)

    def refuse(self, code: Code, path: str, message: str, remedy: str) -> NoReturn:
        """Refuse the record.

        Raises:
            TariffRefusedError: Always.
        """
        raise TariffRefusedError([TariffFinding(code, self.file, 1, path, message, remedy)])

    def number(self, value: object, path: str) -> Decimal:
        """An exact number.

        Raises:
            TariffRefusedError: It is none.
        """
        try:
            found = Decimal(str(value)) if not isinstance(value, bool) else None
        except InvalidOperation:
            found = None
        if found is None or not found.is_finite():
            self.refuse(Code.NOT_A_NUMBER, path, f"{value!r} is no number.", "Write a number.")
        return found

    def structure(self, name: str) -> list[list[Tier]]:
        """The tiers of each period of a rate structure."""
        value = self.record.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(p, list) for p in value):
            self.refuse(Code.WRONG_TYPE, name, "A list of periods belongs here.", "List tiers.")
        return [
            [self._tier(entry, f"{name}[{i}][{j}]") for j, entry in enumerate(period)]
            for i, period in enumerate(value)
        ]

    def _tier(self, entry: object, path: str) -> Tier:
        if not isinstance(entry, dict):
            self.refuse(Code.WRONG_TYPE, path, "A tier is a mapping.", "Write rate and max.")
        unknown = set(entry) - {"rate", "adj", "max", "unit", "sell", "name"}
        if unknown:
            name = min(unknown)
            self.refuse(Code.UNKNOWN_KEY, f"{path}.{name}", f"{name!r} is no key.", "Remove it.")
        rate = self.number(entry.get("rate", 0), path) + self.number(entry.get("adj", 0), path)
        top = self.number(entry["max"], path) if entry.get("max") is not None else None
        if top is not None and top >= _NO_LIMIT:
            top = None
        unit = str(entry.get("unit", "")).lower()
        return Tier(top, unit, rate, self.number(entry.get("sell", 0), path))

    def schedule(self, name: str, structure: list[list[Tier]]) -> list[list[int]]:
        """Twelve months of 24 hours of period numbers, from 0."""
        value = self.record.get(name)
        shape = isinstance(value, list) and len(value) == MONTHS
        if not shape or not all(isinstance(row, list) and len(row) == HOURS for row in value or ()):
            message = "A schedule has 12 months of 24 hours."
            self.refuse(Code.WRONG_TYPE, name, message, "Write 12 lists of 24 numbers.")
        rows = [[int(self.number(hour, name)) for hour in row] for row in value or ()]
        for row in rows:
            for hour in row:
                if not 0 <= hour < len(structure) or not structure[hour]:
                    message = f"Period {hour} is scheduled, but has no rate."
                    self.refuse(Code.MISSING_PRICE, name, message, "Add it to the structure.")
        return rows

    def months(self, name: str) -> list[Decimal]:
        """Twelve numbers."""
        value = self.record.get(name)
        if not isinstance(value, list) or len(value) != MONTHS:
            self.refuse(Code.WRONG_TYPE, name, "A list of 12 months belongs here.", "List them.")
        return [self.number(entry, name) for entry in value]


def plain_text(value: Decimal) -> str:
    """A number as our documents write it, without an exponent."""
    return format(value, "f")
