"""Why a person decided so, by code, so that decisions can be counted."""

from __future__ import annotations

from enum import StrEnum


class ReasonCode(StrEnum):
    """Why a person decides something. Stored: never renamed."""

    READ_ON_SITE = "read_on_site"
    CUSTOMER_READ = "customer_read"
    CUSTOMER_CONFIRMED = "customer_confirmed"
    METER_FAULT = "meter_fault"
    GATEWAY_FAULT = "gateway_fault"
    WRONG_SETUP = "wrong_setup"
    OUTAGE = "outage"
    KNOWN_EVENT = "known_event"
    DATA_ERROR = "data_error"
    MISTAKE = "mistake"
    OTHER = "other"
