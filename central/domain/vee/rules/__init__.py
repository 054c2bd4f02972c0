"""The rules, one module each. Registering one is a line here; the order is that of findings.

A rule owns its code, severity, text, thresholds, the history it asks for, and how it judges. It
does not change a day, and reads no clock and no store.
"""

from __future__ import annotations

from central.domain.vee.rule import VeeRule
from central.domain.vee.rules import (
    conflicting_reading,
    estimated_linear,
    meter_exchange,
    missing_intervals,
    negative_use,
    register_event,
    service_capacity,
    unused_reading,
)

RULES: tuple[VeeRule, ...] = (
    missing_intervals.RULE,
    meter_exchange.NO_METER,
    meter_exchange.METER_EXCHANGE,
    meter_exchange.EXCHANGE_READS_MISSING,
    register_event.ROLLOVER,
    register_event.GLITCH,
    register_event.RESET,
    register_event.BACKWARD,
    unused_reading.UNIT_MISMATCH,
    unused_reading.UNSYNCHRONISED_READING,
    unused_reading.SUSPECT_READING,
    unused_reading.EXTRA_INTERVALS,
    conflicting_reading.RULE,
    service_capacity.RULE,
    negative_use.RULE,
    estimated_linear.RULE,
)
