"""What of bills and runs is not there, or is no longer as it was seen."""

from __future__ import annotations

from firmware_bridge.contract.errors import OperatorError


class UnknownBillError(OperatorError):
    """There is no such bill."""

    code = "UNKNOWN_BILL"


class UnknownRunError(OperatorError):
    """There is no such run."""

    code = "UNKNOWN_RUN"


class StaleBillError(OperatorError):
    """Somebody changed the bill meanwhile."""

    code = "STALE_BILL"
