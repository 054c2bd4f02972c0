"""Takes announced updates: checks, fetches, has them installed, watches, and takes them back."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from pathlib import Path

import structlog

from edge_agent.clock import Clock
from edge_agent.config.remote import MIB
from edge_agent.config.settings import EdgeConfig
from edge_agent.remote.errors import (
    RemoteStateUnwritableError,
    UpdateComponentError,
    UpdateFetchError,
    UpdateInstallError,
    UpdateRefusedError,
    UpdateTooLargeError,
    UpdateUnhealthyError,
)
from edge_agent.remote.health_gate import HealthGate
from edge_agent.remote.host import Host
from edge_agent.remote.key_ring import KeyRing, check_gateway
from edge_agent.remote.log_throttle import LogThrottle
from edge_agent.remote.state_file import StateFile
from edge_agent.remote.update.download import Fetcher, Spool
from edge_agent.remote.update.installer import Installer, Verb
from edge_agent.remote.update.rollouts import Rollouts, report_of, sentence_of
from edge_agent.remote.update.state_machine import (
    Announced,
    AnnouncedArtefact,
    Event,
    Failed,
    Fetched,
    HandedOver,
    Installed,
    Passed,
    Refused,
    Rollout,
    UpdatePhase,
    judge,
)
from firmware_bridge.contract.errors import InvalidValueError, MessageError, MeterlineError
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import AGENT, Update, decode_update
from firmware_bridge.contract.reports import UpdateReport, UpdateState
from firmware_bridge.contract.signed import Purpose
from firmware_bridge.contract.software import software_version
from firmware_bridge.durable_file import write_durably

_log = structlog.get_logger(__name__)

INBOX = 8
LOOK_S = 1.0
RETRY_S = 60.0
RETRY_MAX_S = 3600.0


def running_release() -> Release | None:
    """The version of this software; None where it has none that can be compared."""
    installed = software_version()
    try:
        return None if installed is None else Release.parse(installed)
    except InvalidValueError:
        return None


class Updater:
    """One gateway's updates, one at a time.

    Args:
        local: The gateway's own file.
        state: Where what must survive is kept.
        running: The version of this agent.

    Attributes:
        rollouts: How far each is.
    """

    def __init__(self, local: EdgeConfig, state: StateFile, running: Release | None) -> None:
        self.rollouts = Rollouts(state)
        self._gateway = local.gateway
        self._settings = local.update
        self._keys = KeyRing(Purpose.UPDATE, local.update.keys)
        self._running = running
        folder = local.update.spool or local.buffer.path.with_name("spool")
        self._spool = Spool(folder)
        self._installer = Installer(local.update.install, local.update.install_s)
        self._deferred: dict[str, bytes] = {}
        self._throttle = LogThrottle()
        self._inbox: deque[bytes] = deque(maxlen=INBOX)
        self._woken = asyncio.Event()

    def begin(self) -> None:
        """The agent starts.

        Raises:
            RemoteStateUnwritableError: Nothing can be kept; starting again may help.
        """
        self.rollouts.begin(self._running, self._settings.starts)

    def offer(self, payload: bytes) -> None:
        """A message came. Never blocks; of too many the oldest is forgotten."""
        if payload:
            self._inbox.append(payload)
            self._woken.set()

    async def run(self, host: Host, clock: Clock) -> None:
        """Take what comes, one update after the other, for ever."""
        while True:
            self._receive_all(host)
            active = self.rollouts.active
            if active is None and self._deferred:
                self._inbox.extend(self._deferred.values())
                self._deferred.clear()
            elif active is None:
                await self._woken.wait()
                self._woken.clear()
            else:
                try:
                    await self._advance(active, host, clock)
                except RemoteStateUnwritableError as error:
                    _log.error("update_state_not_kept", code=error.code, reason=error.message)
                    await clock.sleep(RETRY_S)

    def _receive_all(self, host: Host) -> None:
        while self._inbox:
            self._receive(self._inbox.popleft(), host)

    def _receive(self, payload: bytes, host: Host) -> None:
        """Take an announcement, or refuse it by name."""
        name, number = "", ""
        try:
            update = decode_update(self._keys.open(payload))
            check_gateway(self._gateway, update)
            name, number = update.component, str(update.version)
            self._check(update)
            rollout = self.rollouts[name]
            if not judge(rollout, update, payload, self._running):
                return
            if rollout.phase not in {UpdatePhase.IDLE, UpdatePhase.FETCHING}:
                # Its turn comes when the one under way has ended.
                self._deferred[name] = payload
                return
            artefact = AnnouncedArtefact(update.version, update.sha256, update.size, payload)
            self.rollouts.trouble = None
            self._go(name, Announced(artefact), host)
        except MeterlineError as error:
            report = UpdateReport(name, number, UpdateState.REFUSED, error.code)
            if not self.rollouts.refuse(report):
                return
            if self._throttle.allows(error.code, host.vitals().now):
                _log.error("update_refused", component=name, code=error.code, reason=str(error))
                host.note(error.code.lower(), f"Update {name} {number}: {error}")
            host.announce()

    def _check(self, update: Update) -> None:
        if self.rollouts.damage is not None:
            raise self.rollouts.damage
        if update.component not in self._settings.components:
            message = f"No installer is configured for {update.component!r}."
            raise UpdateComponentError(message, value=update.component)
        if update.size > self._settings.max_mib * MIB:
            message = (
                f"The artefact has {update.size} bytes; the limit is {self._settings.max_mib} MiB."
            )
            raise UpdateTooLargeError(message, value=update.size)

    async def _advance(self, rollout: Rollout, host: Host, clock: Clock) -> None:
        """Do what the phase asks for."""
        match rollout.phase:
            case UpdatePhase.FETCHING:
                await self._fetch(rollout, host, clock)
            case UpdatePhase.INSTALLING:
                await self._install(rollout, host)
            case UpdatePhase.HANDED_OVER:
                await clock.sleep(self._settings.install_s)
                sentence = "The installer accepted the update, but the new version did not start."
                self._go(rollout.component, Failed(UpdateInstallError.code, sentence), host)
            case UpdatePhase.PROBATION:
                await self._watch(rollout, host, clock)
            case _:
                await self._roll_back(rollout, host, clock)

    async def _fetch(self, rollout: Rollout, host: Host, clock: Clock) -> None:
        target, attempt = _target(rollout), 0
        self._tidy()
        while self.rollouts[rollout.component].target == target:
            try:
                update = decode_update(self._keys.open(target.payload))
                await _in_thread(Fetcher(self._spool, self._tls()), update)
            except UpdateFetchError as error:
                _log.warning("update_not_fetched", reason=error.message, attempt=attempt)
                await self._pause(clock, min(RETRY_S * 2.0**attempt, RETRY_MAX_S))
                attempt = min(attempt + 1, 10)
                self._receive_all(host)
            except (MessageError, UpdateTooLargeError) as error:
                self._go(rollout.component, Refused(error.code, str(error)), host)
            else:
                write_manifest(self._spool.path(target.sha256), target.payload)
                self._go(rollout.component, Fetched(), host)
                return

    def _tls(self) -> ssl.SSLContext | None:
        if (file := self._settings.ca_file) is None:
            return None
        try:
            return ssl.create_default_context(cafile=file)
        except (OSError, ssl.SSLError) as error:
            message = f"{file} is unusable: {error}."
            raise UpdateFetchError(
                message, value=str(file), remedy="Check the certificates in update.ca_file."
            ) from error

    async def _pause(self, clock: Clock, seconds: float) -> None:
        """Wait; a new announcement ends it."""
        tick = asyncio.ensure_future(clock.sleep(seconds))
        come = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({tick, come}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tick.cancel()
            come.cancel()
        self._woken.clear()

    async def _install(self, rollout: Rollout, host: Host) -> None:
        target = _target(rollout)
        try:
            await self._require(target)
            await self._call(Verb.INSTALL, rollout.component, target)
        except UpdateRefusedError as error:
            self._go(rollout.component, Refused(error.code, str(error)), host)
            return
        except UpdateInstallError as error:
            self._go(rollout.component, Failed(error.code, str(error)), host)
            return
        done: Event = HandedOver() if rollout.component == AGENT else Installed()
        self._go(rollout.component, done, host)

    async def _require(self, target: AnnouncedArtefact) -> None:
        if not await asyncio.to_thread(self._spool.is_whole, target.sha256, target.size):
            message = "The artefact on the disk has changed since its download."
            raise UpdateRefusedError(message)

    async def _watch(self, rollout: Rollout, host: Host, clock: Clock) -> None:
        gate = HealthGate(host.vitals(), self._settings.probation_s, self._settings.late_s)
        while (verdict := gate.check(host.vitals())) is None:
            await clock.sleep(min(LOOK_S, self._settings.probation_s / 4))
        if not verdict:
            sentence = "No reading was committed or the broker was not connected during probation."
            self._go(rollout.component, Failed(UpdateUnhealthyError.code, sentence), host)
            return
        # Before it is kept: whoever puts the old version back unless told otherwise must hear it.
        try:
            await self._call(Verb.CONFIRM, rollout.component, _target(rollout))
        except (UpdateRefusedError, UpdateInstallError) as error:
            _log.error("update_not_confirmed", code=error.code, reason=error.message)
        self._go(rollout.component, Passed(), host)
        self._tidy()

    async def _roll_back(self, rollout: Rollout, host: Host, clock: Clock) -> None:
        limit = self._settings.starts
        try:
            await self._call(Verb.ROLLBACK, rollout.component, rollout.current)
        except (UpdateRefusedError, UpdateInstallError) as error:
            self._go(rollout.component, Failed(error.code, str(error), limit), host)
            await clock.sleep(LOOK_S)
            return
        if rollout.component == AGENT:
            # What was asked for ends this process.
            await clock.sleep(self._settings.install_s)
            self._go(rollout.component, Failed(UpdateInstallError.code, "", limit), host)
        else:
            self._go(rollout.component, Installed(), host)

    async def _call(self, verb: Verb, component: str, artefact: AnnouncedArtefact | None) -> None:
        if artefact is None:
            await self._installer.call(verb, component, "-", None, None)
            return
        file = self._spool.path(artefact.sha256)
        number = str(artefact.version)
        await self._installer.call(verb, component, number, manifest_path(file), file)

    def _tidy(self) -> None:
        wanted = {
            artefact.sha256
            for rollout in self.rollouts
            for artefact in (rollout.current, rollout.target)
            if artefact is not None
        }
        with contextlib.suppress(OSError):
            self._spool.keep_only(wanted)

    def _go(self, component: str, event: Event, host: Host) -> None:
        """Go on, and tell."""
        if not self.rollouts.take(component, event):
            return
        rollout = self.rollouts[component]
        if (report := report_of(rollout)) is None:
            return
        _log.info(
            "update_reported", component=component, version=report.version, state=report.state.value
        )
        detail = f"{component} {report.version}: {report.state.value}."
        if report.code is not None:
            detail = f"{detail} {report.code}: {sentence_of(rollout)}"
        host.note("update", detail)
        host.announce()


async def _in_thread(fetcher: Fetcher, update: Update) -> None:
    try:
        await asyncio.to_thread(fetcher.fetch, update.url, update.sha256, update.size)
    finally:
        # Whoever waited may be gone; the thread is not.
        fetcher.cancelled.set()


def manifest_path(artefact: Path) -> Path:
    """Where the signed announcement of an artefact stands."""
    return artefact.with_name(artefact.name + ".signed")


def write_manifest(artefact: Path, payload: bytes) -> None:
    """Put the signed announcement beside an artefact, for whoever checks it once more.

    Raises:
        RemoteStateUnwritableError: The disk is in the way.
    """
    try:
        write_durably(manifest_path(artefact), payload)
    except OSError as error:
        message = f"{artefact} cannot be written: {error.strerror}."
        raise RemoteStateUnwritableError(message, value=str(artefact)) from error


def _target(rollout: Rollout) -> AnnouncedArtefact:
    if rollout.target is None:
        raise AssertionError(rollout)
    return rollout.target
