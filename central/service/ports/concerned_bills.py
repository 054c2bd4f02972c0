"""Issued bills that a change concerns: they stay as they are, and are named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from central.service.ports.stamps import InputKind


@dataclass(frozen=True, slots=True)
class ConcernedBills:
    """Issued bills whose days a change reaches into.

    Args:
        count: How many.
        numbers: The first of their legal numbers, in order.
    """

    count: int = 0
    numbers: tuple[str, ...] = ()

    def __str__(self) -> str:
        rest = self.count - len(self.numbers)
        more = f" and {rest} more" if rest else ""
        verb = "bill is" if self.count == 1 else "bills are"
        return f"{self.count} issued {verb} concerned: {', '.join(self.numbers)}{more}"


def changed_from(kind: InputKind, name: str, first: date) -> str:
    """What was changed, as people read it beside the bills that it concerns.

    Args:
        kind: Of the input.
        name: Which.
        first: The first day that the change reaches into.
    """
    return f"the {kind} {name} from {first}"
