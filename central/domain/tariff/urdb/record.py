"""The rates of a URDB record, read and refused field by field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, NoReturn

from central.domain.tariff.refusal import Code, TariffFinding, TariffRefusedError
from central.domain.tariff.urdb.metering import Rule

MONTHS, HOURS = 12, 24
_NO_LIMIT = Decimal("1e37")
_WHOLE_DIGITS, _DECIMALS = 15, 24
_WIDE = Context(prec=60)
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
        step_minutes: Of the load, None where it is not known; demand windows that it does not
            divide are left to the load's own steps.
    """

    record: dict[str, Any]
    file: str
    reference: bool = False
    metering: Rule | None = None
    generation: bool = False
    true_up_month: int = 12
    surplus_price: Decimal = Decimal(0)
    step_minutes: int | None = None

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
            self.refuse(Code.NOT_A_NUMBER, path, f"{value!r} is not a number.", "Write a number.")
        exponent = found.as_tuple().exponent
        too_fine = isinstance(exponent, int) and -exponent > _DECIMALS
        if found.adjusted() >= _WHOLE_DIGITS or too_fine:
            message = f"{value} has more than {_WHOLE_DIGITS} digits, or {_DECIMALS} decimals."
            self.refuse(Code.OUT_OF_RANGE, path, message, "Round it.")
        return found

    def whole(self, value: object, path: str) -> int:
        """A whole number.

        Raises:
            TariffRefusedError: It is none.
        """
        found = self.number(value, path)
        if found != int(found):
            message = f"{value} is not a whole number."
            self.refuse(Code.OUT_OF_RANGE, path, message, "Write a whole number in that range.")
        return int(found)

    def ascending(self, tiers: Sequence[Tier], path: str) -> None:
        """Check that every tier has a bound above the one before, as far as tiers follow it.

        The last of kWh tiers inside a kWh/kW tier may have none: the outer bound closes it.

        Raises:
            TariffRefusedError: One has none, or a lower one.
        """
        for number, (tier, later) in enumerate(pairwise(tiers)):
            closed = "/kw" in later.unit and "/kw" not in tier.unit
            if tier.top is None and not closed:
                message = f"Tier {number + 1} has no bound, but tiers follow it."
                self.refuse(
                    Code.TIERS_NOT_ASCENDING,
                    path,
                    message,
                    "Leave out `max` in the last tier only.",
                )
        for earlier, later in pairwise(tiers[:-1]):
            if earlier.unit == later.unit and _bound(later) <= _bound(earlier):
                message = f"The bound {later.top} does not exceed {earlier.top}."
                self.refuse(
                    Code.TIERS_NOT_ASCENDING, path, message, "Write the bounds in ascending order."
                )
        if any(tier.top is not None and tier.top < 0 for tier in tiers[:-1]):
            self.refuse(
                Code.OUT_OF_RANGE, path, "A bound is negative.", "Write a bound of zero or more."
            )

    def structure(self, name: str) -> list[list[Tier]]:
        """The tiers of each period of a rate structure."""
        value = self.record.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(p, list) for p in value):
            self.refuse(Code.WRONG_TYPE, name, "A list of periods is expected here.", "List tiers.")
        return [
            [self._tier(entry, f"{name}[{i}][{j}]") for j, entry in enumerate(period)]
            for i, period in enumerate(value)
        ]

    def _tier(self, entry: object, path: str) -> Tier:
        if not isinstance(entry, dict):
            self.refuse(Code.WRONG_TYPE, path, "A tier is a mapping.", "Write rate and max.")
        unknown = {name for name, value in entry.items() if value is not None}
        unknown -= {"rate", "adj", "max", "unit", "sell", "name"}
        if unknown:
            name = min(unknown)
            self.refuse(
                Code.UNKNOWN_KEY,
                f"{path}.{name}",
                f"{name!r} is not a key of a tier.",
                "Remove it.",
            )
        rate, adjustment, sell = (
            self.number(0 if entry.get(name) is None else entry[name], f"{path}.{name}")
            for name in ("rate", "adj", "sell")
        )
        # A unit may stand with blanks around it or none inside: `kWh daily`.
        unit = " ".join(str(entry.get("unit") or "").lower().split())
        top = self._top(entry.get("max"), f"{path}.max")
        return Tier(top, unit, _WIDE.add(rate, adjustment), sell)

    def _top(self, value: object, path: str) -> Decimal | None:
        if value is None:
            return None
        try:
            if Decimal(str(value)) >= _NO_LIMIT:
                return None
        except InvalidOperation:
            pass  # What is not a number is refused below.
        return self.number(value, path)

    def schedule(self, name: str, structure: list[list[Tier]]) -> list[list[int]]:
        """Twelve months of 24 hours of period numbers, from 0; a sole period needs no schedule."""
        value = self.record.get(name)
        if value is None and len(structure) == 1 and structure[0]:
            return [[0] * HOURS for _ in range(MONTHS)]
        shape = isinstance(value, list) and len(value) == MONTHS
        if not shape or not all(isinstance(row, list) and len(row) == HOURS for row in value or ()):
            message = "A schedule has 12 months of 24 hours."
            self.refuse(Code.WRONG_TYPE, name, message, "Write 12 lists of 24 numbers.")
        rows = [[self.whole(hour, name) for hour in row] for row in value or ()]
        for row in rows:
            for hour in row:
                if not 0 <= hour < len(structure) or not structure[hour]:
                    message = f"Period {hour} is scheduled, but has no rate."
                    self.refuse(Code.MISSING_PRICE, name, message, "Add it to the structure.")
        return rows

    def months(self, name: str) -> list[Decimal]:
        """Twelve numbers, or truths as 1 and 0."""
        value = self.record.get(name)
        if not isinstance(value, list) or len(value) != MONTHS:
            self.refuse(
                Code.WRONG_TYPE, name, "A list of 12 months is expected here.", "List them."
            )
        return [
            Decimal(entry) if isinstance(entry, bool) else self.number(entry, name)
            for entry in value
        ]


def _bound(tier: Tier) -> Decimal:
    return _NO_LIMIT if tier.top is None else tier.top


def plain_text(value: Decimal) -> str:
    """A number as our documents write it, without an exponent."""
    return format(value, "f")
