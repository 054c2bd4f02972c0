"""Checks an update once more, for an installer that runs with more rights than the agent.

Such an installer must not believe the agent: whoever took that over could hand it anything. It has
the signed announcement and the artefact, both copied to where the agent cannot write, and asks here
with the keys of a configuration that only root may change.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from edge_agent.config.settings import EdgeConfig
from edge_agent.remote.errors import UpdateContentError, UpdateFetchError
from edge_agent.remote.key_ring import KeyRing, check_gateway
from edge_agent.remote.update.state_machine import Rollout, judge
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import Update, decode_update
from firmware_bridge.contract.signed import SIGNED_MAX_BYTES, Purpose

_CHUNK_BYTES: Final = 1024 * 1024


def verify_update(  # noqa: PLR0913, PLR0917 - what there is to compare
    config: EdgeConfig,
    manifest: Path,
    artefact: Path,
    component: str,
    installed: Release,
    floor: Release | None,
) -> Update:
    """What may be installed now.

    Args:
        config: Whose keys count.
        manifest: The signed announcement.
        artefact: What it is about.
        component: What the installer installs.
        installed: The version that is installed.
        floor: The highest that was ever installed; None for none.

    Raises:
        MessageError: It is not signed, not for this gateway or component, not newer, or not this
            artefact; each by its name.
    """
    payload = _read(manifest)
    update = decode_update(KeyRing(Purpose.UPDATE, config.update.keys).open(payload))
    check_gateway(config.gateway, update)
    if update.component != component:
        message = f"The announcement is for {update.component!r}, not for {component!r}."
        raise UpdateContentError(message, value=update.component)
    judge(Rollout(component, floor=floor), update, payload, installed)
    digest, size = hashlib.sha256(), 0
    try:
        with artefact.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise _unreadable(artefact, error) from error
    if (size, digest.digest()) != (update.size, update.sha256):
        message = "The hash of the artefact is not the signed one."
        raise UpdateContentError(message, value=str(artefact))
    return update


def _read(manifest: Path) -> bytes:
    try:
        with manifest.open("rb") as file:
            return file.read(SIGNED_MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(manifest, error) from error


def _unreadable(path: Path, error: OSError) -> UpdateFetchError:
    message = f"{path} cannot be read: {error.strerror}."
    return UpdateFetchError(message, value=str(path))
