"""The checks of bills, one module each. A line here registers one; the order is that of reasons.

A check owns its code, severity, text, thresholds, the history it asks for, and how it judges a part
of a bill that would become a draft. It changes nothing, and reads no clock and no store.
"""

from __future__ import annotations

from central.domain.billing.bill_check import BillCheck
from central.domain.billing.checks import (
    amount,
    class_tariff,
    estimates,
    first_read,
    high,
    low,
    register,
    zero,
)

CHECKS: tuple[BillCheck, ...] = (
    zero.CHECK,
    high.CHECK,
    low.CHECK,
    first_read.CHECK,
    register.CHECK,
    estimates.CHECK,
    class_tariff.CHECK,
    amount.CHECK,
)
