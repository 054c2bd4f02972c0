"""The rules, one module each. Registering one is a line here; the order is that of findings.

A rule owns its code, severity, text, thresholds, the history it asks for, and how it judges. It
does not change a day, and reads no clock and no store.
"""

from __future__ import annotations

from central.domain.vee.rule import VeeRule
from central.domain.vee.rules import (
    conflicting_reading,
    estimated_linear,
    first_read_missing,
    high_use,
    inactive_point,
    meter_exchange,
    missing_intervals,
    negative_use,
    prolonged_estimation,
    reactive_alone,
    register_event,
    service_capacity,
    spike,
    standing_still,
    step_change,
    sum_check,
    time_error,
    unused_reading,
    zero_days,
)

RULES: tuple[VeeRule, ...] = (
    missing_intervals.RULE,
    first_read_missing.RULE,
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
    time_error.RULE,
    conflicting_reading.RULE,
    sum_check.SUM_CHECK,
    sum_check.MULTIPLIER_MISMATCH,
    service_capacity.RULE,
    negative_use.RULE,
    spike.RULE,
    step_change.RULE,
    high_use.RULE,
    zero_days.RULE,
    standing_still.RULE,
    inactive_point.RULE,
    reactive_alone.RULE,
    prolonged_estimation.RULE,
    estimated_linear.RULE,
)
