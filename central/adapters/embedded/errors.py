"""What can go wrong with a private server."""

from __future__ import annotations

from firmware_bridge.contract.errors import ConfigurationError, EnvironmentFaultError


class ServerBinariesMissingError(ConfigurationError):
    """No usable server program is where it was looked for."""

    code = "SERVER_BINARIES_MISSING"


class ServerStartError(EnvironmentFaultError):
    """The server ended, or did not answer in time, while it was being started."""

    code = "SERVER_START"


class OwnFolderRefusedError(ConfigurationError):
    """The folder meant for a server belongs to somebody else or is open to others."""

    code = "OWN_FOLDER_REFUSED"


class OwnFolderBusyError(EnvironmentFaultError):
    """Another Meterline process runs a server in the same folder."""

    code = "OWN_FOLDER_BUSY"
