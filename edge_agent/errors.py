"""What can go wrong at the edge, by name."""

from __future__ import annotations

from firmware_bridge.contract.errors import (
    ConfigurationError,
    EnvironmentFaultError,
    Fault,
    MeterlineError,
)


class BufferInUseError(EnvironmentFaultError):
    """Another agent has the buffer file open."""

    code = "BUFFER_IN_USE"
    retryable = False


class BufferOwnerError(ConfigurationError):
    """The buffer file belongs to another gateway."""

    code = "BUFFER_OWNER"


class BufferFullError(EnvironmentFaultError):
    """The disk has no room for a transaction; nothing of it was accepted."""

    code = "BUFFER_FULL"


class BufferUnavailableError(EnvironmentFaultError):
    """The buffer file cannot be opened, read or written (permission, read-only, I/O error)."""

    code = "BUFFER_UNAVAILABLE"


class BufferDamagedError(MeterlineError):
    """The buffer file is no intact database of ours; the agent sets it aside and salvages it."""

    code = "BUFFER_DAMAGED"
    fault = Fault.ENVIRONMENT


class BatchMissingError(MeterlineError):
    """A batch was asked for that the buffer does not hold."""

    code = "BATCH_MISSING"


class BrokerTlsError(ConfigurationError):
    """A certificate or key for the broker cannot be read."""

    code = "BROKER_TLS"
