"""The errors of claims and renewals."""

from __future__ import annotations

from firmware_bridge.contract.errors import (
    ConfigurationError,
    EnvironmentFaultError,
    Fault,
    MeterlineError,
)


class CentreUnavailableError(EnvironmentFaultError):
    """The centre does not answer, or not now; ask again."""

    code = "CENTRE_UNAVAILABLE"
    default_remedy = "Check the address, the network, and that this machine's clock is right."


class CentreRefusedError(MeterlineError):
    """The centre refused a claim or a renewal. `value` is its code."""

    code = "CENTRE_REFUSED"
    fault = Fault.OPERATOR


class CentreAnswerError(MeterlineError):
    """The centre answered with what this gateway cannot use."""

    code = "CENTRE_ANSWER"
    fault = Fault.PEER


class IdentityError(EnvironmentFaultError):
    """The folder with the gateway's keys cannot be used."""

    code = "IDENTITY"
    default_remedy = "Claim the name anew; `gateway invite NAME` at the centre gives a code."


class ConfigurationTakenError(ConfigurationError):
    """The gateway's file says already who it is, or where the broker is."""

    code = "CONFIGURATION_TAKEN"
