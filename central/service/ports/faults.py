"""How a store fails, beside being away and refusing the data (see `ports.ingest`)."""

from __future__ import annotations

from firmware_bridge.contract.errors import ConfigurationError, MeterlineError


class StoreUnfitError(ConfigurationError):
    """The deployment is at fault: a table is missing, a right, or the schema is another release's.

    Nothing was stored, and nothing will be until somebody mends it; so it is said and not retried.
    `value` is the SQLSTATE or the schema's version.
    """

    code = "STORE_UNFIT"


class StoreFaultError(MeterlineError):
    """The store failed in an unexpected way; a few more attempts may help, or may not.

    `value` is the SQLSTATE.
    """

    code = "STORE_FAULT"
