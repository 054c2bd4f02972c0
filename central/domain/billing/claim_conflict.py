"""Days of bills from before there were claims that no claim can hold, for somebody to decide."""

from __future__ import annotations

from enum import StrEnum


class ConflictKind(StrEnum):
    """What is wrong with the days. Stored: never renamed."""

    BILLED_TWICE = "billed_twice"
    NOT_BILLED = "not_billed"
    BEFORE_FIRST_BILL = "before_first_bill"
    BEYOND_END = "beyond_end"
    DISCARDED = "discarded"

    @property
    def words(self) -> str:
        """As people read it.

        >>> ConflictKind.BEYOND_END.words
        'beyond end'
        """
        return self.value.replace("_", " ")

    @property
    def meaning(self) -> str:
        """What is wrong, in a sentence."""
        return _MEANINGS[self]

    @property
    def remedy(self) -> str:
        """What to do about it, in a sentence."""
        return _REMEDIES[self]


class ClaimDecision(StrEnum):
    """What somebody decided about the days. Stored: never renamed."""

    LEAVE = "leave"
    """They stay as they are; nobody owes anything for them."""
    SETTLE = "settle"
    """They were credited or charged outside Meterline."""


_MEANINGS = {
    ConflictKind.BILLED_TWICE: "An issued bill bills days that another issued bill has billed.",
    ConflictKind.NOT_BILLED: "No bill has these days; those before and after them are billed.",
    ConflictKind.BEFORE_FIRST_BILL: "The agreement began before the first bill's days.",
    ConflictKind.BEYOND_END: "An issued bill bills days after the agreement's end.",
    ConflictKind.DISCARDED: "A bill that was not issued had days of another bill; it is discarded.",
}
_REMEDIES = {
    ConflictKind.BILLED_TWICE: (
        "Credit the customer for these days and settle it, or leave it and say why."
    ),
    ConflictKind.NOT_BILLED: (
        "No run bills these days. Charge them outside Meterline and settle it, or leave it."
    ),
    ConflictKind.BEFORE_FIRST_BILL: (
        "No run bills these days. If another system billed them, leave it; if not, charge them"
        " outside Meterline and settle it."
    ),
    ConflictKind.BEYOND_END: (
        "Credit the customer for these days and settle it; if the agreement really lasted so"
        " long, leave it."
    ),
    ConflictKind.DISCARDED: ("Look whether the bill that stays is the right one, then leave it."),
}
