"""Why a signed message, a configuration or an update is not taken, by name."""

from __future__ import annotations

from firmware_bridge.contract.errors import ConfigurationError, EnvironmentFaultError, MessageError


class SigningKeyUnknownError(MessageError):
    """The message names a key that this gateway does not trust for its purpose."""

    code = "SIGNING_KEY_UNKNOWN"


class BadSignatureError(MessageError):
    """The signature is not that of the key it names over these bytes."""

    code = "BAD_SIGNATURE"


class OtherGatewayError(MessageError):
    """The message is signed for another gateway."""

    code = "OTHER_GATEWAY"


class ConfigurationStaleError(MessageError):
    """The configuration is not newer than one that was accepted before."""

    code = "CONFIGURATION_STALE"


class ConfigurationInvalidError(ConfigurationError):
    """The configuration is not valid TOML, or asks for what is not possible or not allowed."""

    code = "CONFIGURATION_INVALID"


class ConfigurationUnhealthyError(ConfigurationError):
    """With the configuration no reading was committed, or the broker was not reached."""

    code = "CONFIGURATION_UNHEALTHY"


class ConfigurationDiedError(ConfigurationError):
    """The agent died again and again while the configuration was on probation."""

    code = "CONFIGURATION_DIED"


class RemoteStateDamagedError(EnvironmentFaultError):
    """What was kept of configurations or updates cannot be read, so nothing new is taken.

    Without it the earlier versions are unknown, and an old one could be sent again.
    """

    code = "REMOTE_STATE_DAMAGED"
    retryable = False


class RemoteStateUnwritableError(EnvironmentFaultError):
    """What must survive a power cut could not be written, so the step was not taken."""

    code = "REMOTE_STATE_UNWRITABLE"


class UpdateStaleError(MessageError):
    """The update is not newer than what is installed, or was handed over before."""

    code = "UPDATE_STALE"


class UpdateStepError(MessageError):
    """What is installed is too old for the update: another has to come between."""

    code = "UPDATE_STEP"


class UpdateComponentError(ConfigurationError):
    """The gateway's configuration names no installer for the component."""

    code = "UPDATE_COMPONENT"


class UpdateTooLargeError(ConfigurationError):
    """The artefact is larger than the gateway allows, or than its disk has room for."""

    code = "UPDATE_TOO_LARGE"


class UpdateFetchError(EnvironmentFaultError):
    """The artefact is unavailable at present; it is tried again."""

    code = "UPDATE_FETCH"


class UpdateContentError(MessageError):
    """What was fetched is not the artefact that was signed: its size or hash is another."""

    code = "UPDATE_CONTENT"


class UpdateRefusedError(EnvironmentFaultError):
    """The installer refused the update and changed nothing."""

    code = "UPDATE_REFUSED"
    retryable = False
    default_remedy = "Announce an update that the component takes."


class UpdateInstallError(EnvironmentFaultError):
    """The installer failed, or what it installed did not start in time."""

    code = "UPDATE_INSTALL"
    retryable = False


class UpdateUnhealthyError(EnvironmentFaultError):
    """With the update no reading was committed, or the broker was not reached."""

    code = "UPDATE_UNHEALTHY"
    retryable = False


class UpdateDiedError(EnvironmentFaultError):
    """The agent died again and again while the update was on probation."""

    code = "UPDATE_DIED"
    retryable = False


class UpdateRevertedError(EnvironmentFaultError):
    """Somebody else put the version before back."""

    code = "UPDATE_REVERTED"
    retryable = False


class UpdateRollbackError(EnvironmentFaultError):
    """The version before could not be put back; a person must look."""

    code = "UPDATE_ROLLBACK"
    retryable = False
