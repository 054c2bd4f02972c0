"""How long a held bill waits for data."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.contract.errors import OperatorError

WINDOW_DAYS_MAX = 366
IN_A_ROW = 2
IN_A_ROW_MAX = 24


class BillWindowError(OperatorError):
    """A bill window is not valid."""

    code = "BILL_WINDOW"
    default_remedy = "Correct the days of the window; `settings show` lists those that hold."


@dataclass(frozen=True, slots=True)
class BillWindow:
    """How long a held bill waits for data.

    Args:
        days: After the end of its period, until what is missing is estimated; 0 for never. [days]
        in_a_row: How many bills of a service in a row may have estimates.

    Raises:
        BillWindowError: One of them is not valid.
    """

    days: int = 0
    in_a_row: int = IN_A_ROW

    def __post_init__(self) -> None:
        if not 0 <= self.days <= WINDOW_DAYS_MAX:
            message = f"A bill window of {self.days} days is not valid."
            remedy = f"Use 1 to {WINDOW_DAYS_MAX} days, or 0 for none."
            raise BillWindowError(message, value=self.days, remedy=remedy)
        if not 0 <= self.in_a_row <= IN_A_ROW_MAX:
            message = f"{self.in_a_row} estimated bills in a row are not valid."
            raise BillWindowError(message, value=self.in_a_row, remedy="Use 0 to 24.")
