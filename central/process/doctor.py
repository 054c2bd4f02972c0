"""Checks of every step of an installation, one after another; nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.installation import TimescaleInstallation
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.watch import TimescaleWatch
from central.config.ingest import IngestSettings
from central.config.refusal import refusal_of
from central.config.secret import secrets_folder
from central.config.settings import Settings
from central.dashboard.assets import Assets
from central.process.doctor_broker import check_broker
from central.process.doctor_doors import check_doors
from central.process.serve import web_settings
from central.service.checkup import (
    Checked,
    bad,
    good,
    judge_centre,
    judge_database,
    judge_entered,
    warn,
)
from central.service.ports.faults import StoreUnfitError
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.kernel_clock import kernel_is_synchronised

_FREE_BYTES: Final = 1 << 30
_OTHERS: Final = 0o077


async def examine_installation(clock: Callable[[], datetime]) -> AsyncIterator[Checked]:
    """Check settings, machine, database, what was entered, the centre, the pages and the broker.

    What cannot be checked because of something before is left out.

    Args:
        clock: Now, aware.
    """
    try:
        settings, ingest = Settings(), IngestSettings()
        settings.dsn()
    except MeterlineError as error:
        yield _of_error("settings", error)
        return
    except (ValidationError, SettingsError) as error:
        yield _of_error("settings", refusal_of(error))
        return
    yield good("settings", "They can be used.")
    for checked in _machine(settings):
        yield checked
    results, admitted = await _database(settings, clock)
    for checked in results:
        yield checked
    yield _pages(settings)
    async for checked in check_broker(ingest, admitted, clock):
        yield checked


async def _database(
    settings: Settings, clock: Callable[[], datetime]
) -> tuple[list[Checked], list[str] | None]:
    """Check the database; with the names of gateways that may send, where it says them."""
    results: list[Checked] = []
    try:
        await check_fit(settings.dsn())
        results += [
            good("database", "It answers."),
            good("schema", "It is one that this release works with."),
        ]
        limits = settings.limits
        async with make_pool(settings.dsn(), max_size=1, name="doctor", limits=limits) as pool:
            facts = await TimescaleInstallation(pool).facts()
            results += [*judge_database(facts), *judge_entered(facts)]
            results += judge_centre(await TimescaleWatch(pool).state(clock()))
            results += [each async for each in check_doors(settings, pool, clock)]
            return results, await TimescaleGatewayStore(pool).admitted()
    except StoreUnfitError as error:
        return [*results, good("database", "It answers."), _of_error("schema", error)], None
    except MeterlineError as error:
        return [*results, _of_error("database", error)], None


def _machine(settings: Settings) -> Iterator[Checked]:
    if kernel_is_synchronised():
        yield good("clock", "It is synchronised.")
    else:
        text = "Nothing synchronises this machine's clock, by the kernel's word."
        yield warn("clock", text, "Run chrony or systemd-timesyncd; in a container, on its host.")
    anchors = settings.audit_anchor_file
    folder = Path.cwd() if anchors is None else anchors.absolute().parent
    if anchors is None:
        text = "The audit log's head is anchored nowhere outside the database."
        yield warn("anchors", text, "Set METERLINE_AUDIT_ANCHOR_FILE to a file of another machine.")
    elif not folder.is_dir():
        yield bad("anchors", f"{folder} is no folder.", "Make it, for the user of the worker.")
    else:
        yield good("anchors", f"The audit log's head is anchored in {anchors}.")
    if folder.is_dir():
        free = shutil.disk_usage(folder).free
        text = f"{free / (1 << 30):.1f} GiB are free at {folder}."
        yield good("disk", text) if free > _FREE_BYTES else bad("disk", text, "Make room.")
    for file in _secrets():
        text = f"{file} can be read by others than its owner."
        yield bad("secrets", text, f"chmod 600 {file}")


def _secrets() -> Iterator[Path]:
    """Files of secrets that others may read."""
    folder = secrets_folder()
    if folder is not None:
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.stat().st_mode & _OTHERS:
                yield file


def _pages(settings: Settings) -> Checked:
    try:
        web = web_settings(settings, None, None)
        Assets()
    except MeterlineError as error:
        return _of_error("pages", error)
    return good("pages", f"They can be served at {web.host}, port {web.port}.")


def _of_error(step: str, error: MeterlineError) -> Checked:
    return bad(step, f"{error.code}: {error.message}", error.remedy or "")
