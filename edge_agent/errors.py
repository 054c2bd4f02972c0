"""The errors of the edge agent."""

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
    """The buffer file is not an intact database of ours. The agent salvages it."""

    code = "BUFFER_DAMAGED"
    fault = Fault.ENVIRONMENT


class BatchMissingError(MeterlineError):
    """The buffer does not have the requested batch."""

    code = "BATCH_MISSING"


class SessionProtocolError(MeterlineError):
    """The uplink's session got an event that is not possible in its state."""

    code = "SESSION_PROTOCOL"
    fault = Fault.PRODUCT


class BrokerTlsError(ConfigurationError):
    """A certificate or key for the broker cannot be used."""

    code = "BROKER_TLS"


class SigningKeyUnusableError(ConfigurationError):
    """The key that batches are signed with cannot be used."""

    code = "SIGNING_KEY_UNUSABLE"
    default_remedy = "Claim the gateway's name anew, or restore the key's file."


class CertificateNameError(BrokerTlsError):
    """The certificate's common name is not this gateway's name, as a broker's rules demand."""

    code = "CERTIFICATE_NAME"


class BrokerError(EnvironmentFaultError):
    """The broker is unavailable at present; the agent keeps trying, and readings keep waiting."""

    code = "BROKER"


class BrokerUnreachableError(BrokerError):
    """No server accepts connections at the broker's address."""

    code = "BROKER_UNREACHABLE"
    default_remedy = "Start the broker, or correct its address."


class BrokerSilentError(BrokerError):
    """The broker takes a connection and does not answer, or what answers is not a broker."""

    code = "BROKER_SILENT"


class BrokerUntrustedError(BrokerError):
    """The broker's certificate is unknown, expired, or of another name."""

    code = "BROKER_UNTRUSTED"


class BrokerLostError(BrokerError):
    """The broker takes connections and ends them before anything is acknowledged."""

    code = "BROKER_LOST"
    default_remedy = "Check that broker, and what stands before it, such as a proxy."


class BrokerRefusalError(BrokerError):
    """The broker does not admit this gateway: its certificate, or what it may do."""

    code = "BROKER_REFUSAL"


class CentreSilentError(BrokerError):
    """A broker is there, but the centre acknowledges nothing of what goes through it."""

    code = "CENTRE_SILENT"
    default_remedy = "Start the centre's ingest at that broker; another broker is tried meanwhile."


class TakenOverError(BrokerError):
    """Another device connects under this gateway's name, again and again."""

    code = "TAKEN_OVER"
    default_remedy = (
        "Find the other device, such as a copied card, and switch it off or enrol it under a name"
        " and certificate of its own."
    )


class UnknownMeterError(ConfigurationError):
    """No meter is configured under that name."""

    code = "UNKNOWN_METER"


class MetricsPortError(EnvironmentFaultError):
    """The port for the metrics is taken."""

    code = "METRICS_PORT"


class SettingFixedError(ConfigurationError):
    """A new configuration changes a setting that cannot change while the agent runs."""

    code = "SETTING_FIXED"


class AgentSilentError(EnvironmentFaultError):
    """The running agent cannot be asked."""

    code = "AGENT_SILENT"
    retryable = True


class BufferFolderError(ConfigurationError):
    """The folder that is to hold the buffer is missing or cannot be written."""

    code = "BUFFER_FOLDER"


class BufferForeignError(ConfigurationError):
    """The buffer's path names a file that is not a buffer; it was not changed."""

    code = "BUFFER_FOREIGN"
