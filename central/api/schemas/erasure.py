"""What an operator sends to erase an account."""

from __future__ import annotations

from central.api.schemas.writes import Name, Order, Reason


class EraseIn(Order):
    """Which account is erased, and why; the reason names nobody."""

    account: Name
    reason: Reason
