"""The sealer in the worker: each second, whatever waits in the audit log gets its seal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from central.adapters.anchor_file import TextAnchors
from central.adapters.audit_heads import SignedHeads
from central.adapters.signing_key import FileKey
from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.pool import Pool
from central.config.secret import SettingMissingError
from central.config.settings import Settings
from central.service.audit.seal import SealAudit
from central.service.ports.faults import StoreFaultError, StoreUnfitError
from central.service.ports.ingest import PoisonError, StoreUnavailableError

_EVERY_S = 1.0
_log = structlog.get_logger(__name__)


def make_sealer(
    pool: Pool, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> SealAudit:
    """The use-case, as the settings say."""
    store = TimescaleAuditStore(pool)
    return SealAudit(store, anchors(settings), clock, heads=signed_heads(settings))


def signed_heads(settings: Settings) -> SignedHeads | None:
    """Where signed heads go, as the settings say.

    Raises:
        SettingMissingError: One of folder and key is not set.
        SigningKeyError: The key cannot be used.
    """
    folder, key = settings.audit_head_folder, settings.audit_head_key
    if folder is None and key is None:
        return None
    if folder is None or key is None:
        message = "METERLINE_AUDIT_HEAD_FOLDER and METERLINE_AUDIT_HEAD_KEY belong together."
        raise SettingMissingError(message, remedy="Set both, or neither.")
    return SignedHeads(folder, FileKey.load(key))


def anchors(settings: Settings) -> TextAnchors | None:
    """Where heads are anchored, as the settings say."""
    file = settings.audit_anchor_file
    return None if file is None else TextAnchors(file)


async def run_sealer(
    pool: Pool, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Seal until cancelled; a pass that fails is said and tried again.

    Args:
        pool: An open pool.
        settings: Where heads are anchored.
        clock: Now, aware.
    """
    sealer, failed = make_sealer(pool, settings, clock), False
    try:
        while True:
            try:
                await sealer.step()
                failed = False
            except StoreUnavailableError as error:
                _log.warning("database_unavailable", reason=error.message)
            except (PoisonError, StoreFaultError, StoreUnfitError) as error:
                # Said once: it would be said each second.
                if not failed:
                    _log.exception("audit_not_sealed", reason=error.message)
                failed = True
            await asyncio.sleep(_EVERY_S)
    finally:
        sealer.anchor_last()
