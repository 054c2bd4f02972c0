"""How a store fails, beside being away and refusing the data (see `ports.ingest`)."""

from __future__ import annotations

from firmware_bridge.contract.errors import ConfigurationError, MeterlineError


class StoreUnfitError(ConfigurationError):
    """The deployment is at fault: a table is missing, a right, or the schema is another release's.

    Nothing was stored, and nothing will be until somebody mends it; so it is said and not retried.
    `value` is the SQLSTATE or the schema's version.
    """

    code = "STORE_UNFIT"


class SchemaMissingError(StoreUnfitError):
    """The database was never migrated."""

    code = "SCHEMA_MISSING"
    default_remedy = "Run `meterline-central migrate` as the database's owner."


class SchemaOldError(StoreUnfitError):
    """The database's schema is an earlier release's."""

    code = "SCHEMA_OLD"
    default_remedy = "Run `meterline-central migrate` of this release as the database's owner."


class SchemaNewError(StoreUnfitError):
    """The database's schema is a later release's."""

    code = "SCHEMA_NEW"
    default_remedy = "Install the release that migrated the database, or a newer one."


class StoreFaultError(MeterlineError):
    """The store failed in an unexpected way; a few more attempts may help, or may not.

    `value` is the SQLSTATE.
    """

    code = "STORE_FAULT"
    default_remedy = "Try again; report it if it stays."
