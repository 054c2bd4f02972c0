"""What of bills and runs is not there, or is no longer as it was seen."""

from __future__ import annotations

from firmware_bridge.contract.errors import OperatorError


class UnknownBillError(OperatorError):
    """There is no such bill."""

    code = "UNKNOWN_BILL"
    default_remedy = (
        "Name it as ACCOUNT/CYCLE, such as A-1001/2026-10, by its legal number or its identifier."
    )


class SeveralBillsError(OperatorError):
    """An account has several bills of the period."""

    code = "SEVERAL_BILLS"
    default_remedy = (
        "Name one by its identifier or legal number, or with `--final` that of the final run."
    )


class UnknownRunError(OperatorError):
    """There is no such run."""

    code = "UNKNOWN_RUN"
    default_remedy = "Start it with `meterline-central bill run --cycle CYCLE`."


class StaleBillError(OperatorError):
    """Somebody changed the bill meanwhile."""

    code = "STALE_BILL"
    default_remedy = "Reload the list and select the bills again."
