"""`[remote]` and `[update]`: whose signatures a gateway believes, and what it does then."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from firmware_bridge.contract.remote import ARTEFACT_MAX_BYTES
from firmware_bridge.contract.reports import UPDATES_MAX

MIB = 1024 * 1024
PublicKey = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$")]
Component = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Probation = Annotated[float, Field(gt=0, le=86_400)]
Starts = Annotated[int, Field(ge=1, le=100)]


class RemoteSettings(BaseModel):
    """`[remote]`: configurations from the centre; without a key, none are taken.

    Args:
        keys: Ed25519 public keys that may sign them, 64 hex digits each.
        probation_s: How long a new one is watched before it counts as good. [s]
        late_s: For so long after that health may come late; None: as long again. [s]
        starts: The agent may start so often in that time; then the one before comes back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[PublicKey, ...] = ()
    probation_s: Probation = 600.0
    late_s: Probation | None = None
    starts: Starts = 3


class UpdateSettings(BaseModel):
    """`[update]`: updates that the centre announces; without a key, none are taken.

    Args:
        keys: Ed25519 public keys that may sign them, 64 hex digits each. Whoever has one decides
            what runs here, so they had better not be those of `[remote]`.
        install: The command that installs, see docs/how-to/remote-gateways.md.
        components: What it can install.
        spool: Where artefacts are kept; None: beside the buffer.
        max_mib: The largest artefact. [MiB]
        ca_file: Whom to trust at https addresses; None: the system's authorities.
        probation_s: How long a new version is watched before it counts as good. [s]
        late_s: For so long after that health may come late; None: as long again. [s]
        starts: The agent may start so often in that time; then the version before comes back.
        install_s: How long the installer may take, the restart included. [s]
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[PublicKey, ...] = ()
    install: tuple[str, ...] = ()
    components: Annotated[tuple[Component, ...], Field(max_length=UPDATES_MAX)] = ("agent",)
    spool: Path | None = None
    max_mib: Annotated[int, Field(ge=1, le=ARTEFACT_MAX_BYTES // MIB)] = 64
    ca_file: Path | None = None
    probation_s: Probation = 600.0
    late_s: Probation | None = None
    starts: Starts = 3
    install_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0

    @property
    def enabled(self) -> bool:
        """Whether updates are taken."""
        return bool(self.keys and self.install)
