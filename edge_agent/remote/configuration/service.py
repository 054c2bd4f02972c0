"""Takes configurations from the centre: checks, keeps, applies, watches, and takes them back."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from typing import Any

import structlog

from edge_agent.clock import Clock
from edge_agent.config.settings import EdgeConfig
from edge_agent.polling.meter_set import check_meters
from edge_agent.reconfigure import ReloadRefusal
from edge_agent.remote.configuration.overlay import overlay
from edge_agent.remote.configuration.state_codec import pack_record, unpack_record
from edge_agent.remote.configuration.state_machine import (
    ConfigurationPhase,
    ConfigurationRecord,
    ConfigurationRefusal,
    Event,
    Failed,
    Offered,
    Passed,
    SignedConfiguration,
    Started,
    Stopped,
    is_known,
    step,
)
from edge_agent.remote.errors import (
    ConfigurationUnhealthyError,
    RemoteStateDamagedError,
    RemoteStateUnwritableError,
)
from edge_agent.remote.health_gate import HealthGate
from edge_agent.remote.host import Host
from edge_agent.remote.key_ring import KeyRing, check_gateway
from edge_agent.remote.log_throttle import LogThrottle
from edge_agent.remote.state_file import StateFile
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.remote import RemoteConfiguration, decode_configuration
from firmware_bridge.contract.reports import ConfigurationReport, ConfigurationState
from firmware_bridge.contract.signed import Purpose
from firmware_bridge.figures import Figure

_log = structlog.get_logger(__name__)

INBOX = 4
LOOK_S = 1.0


class Configurator:
    """One gateway's configurations.

    Args:
        local: The gateway's own file.
        state: Where what must survive is kept.

    Attributes:
        refusals: How many were refused or taken back since the start.
    """

    def __init__(self, local: EdgeConfig, state: StateFile) -> None:
        self.refusals = 0
        self._use(local)
        self._state = state
        self._record = ConfigurationRecord()
        self._damage: RemoteStateDamagedError | None = None
        self._refusal: ConfigurationRefusal | None = None
        self._throttle = LogThrottle()
        self._inbox: deque[bytes] = deque(maxlen=INBOX)
        self._woken = asyncio.Event()

    def _use(self, local: EdgeConfig) -> None:
        self._local = local
        self._settings = local.remote
        self._keys = KeyRing(Purpose.CONFIGURATION, local.remote.keys)

    def begin(self) -> EdgeConfig:
        """What the agent that starts now is to run with. Never raises for a configuration's sake.

        Raises:
            RemoteStateUnwritableError: Nothing can be kept; starting again may help.
        """
        try:
            self._record = unpack_record(self._state.load())
        except RemoteStateDamagedError as error:
            self._damage = error
            self._refuse(ConfigurationRefusal(0, b"", error.code, str(error)))
            return self._local
        self._refusal = self._record.refusal
        self._take(Started(self._settings.starts))
        if self._record.trial is not None:
            try:
                return self._checked(self._record.trial.payload)
            except MeterlineError as error:
                self._take(Failed(error.code, str(error)))
        return self._proven()

    def over(self, local: EdgeConfig) -> EdgeConfig:
        """The gateway's own file, read anew, under the meters that the centre said.

        Raises:
            ConfigurationInvalidError: They do not fit together.
        """
        at_work = self._record.at_work
        toml = None if at_work is None else self._opened(at_work.payload).toml
        together = local if toml is None else overlay(local, toml)
        self._use(local)
        return together

    def offer(self, payload: bytes) -> None:
        """A message came. Never blocks; of too many the oldest is forgotten."""
        if payload:
            self._inbox.append(payload)
            self._woken.set()

    def stop(self) -> None:
        """The agent is told to stop: this start was no death."""
        if self._damage is None:
            try:
                self._take(Stopped())
            except RemoteStateUnwritableError as error:
                _log.error("configuration_state_not_kept", code=error.code, reason=error.message)

    def report(self) -> ConfigurationReport:
        """For the status."""
        at_work, refusal = self._record.at_work, self._refusal
        state = ConfigurationState.LOCAL
        if at_work is not None:
            trying = self._record.phase is ConfigurationPhase.PROBATION
            state = ConfigurationState.PROBATION if trying else ConfigurationState.GOOD
        return ConfigurationReport(
            state,
            0 if at_work is None else at_work.version,
            None if refusal is None else refusal.version,
            None if refusal is None else refusal.code,
        )

    def table(self) -> dict[str, Any]:
        """As `meterline-edge status` shows it."""
        report = self.report()
        return {
            "state": report.state.value,
            "version": report.version,
            "refused": report.refused,
            "code": report.code,
            "reason": None if self._refusal is None else self._refusal.sentence,
            "refusals": self.refusals,
        }

    def figures(self) -> tuple[Figure, ...]:
        """For Prometheus."""
        report = self.report()
        trying = report.state is ConfigurationState.PROBATION
        return (
            Figure(
                "remote_configuration_version",
                "Version of the centre's configuration in force; 0 if there is none.",
                report.version,
            ),
            Figure(
                "remote_configuration_probation",
                "1 while the centre's configuration is on probation, else 0.",
                float(trying),
            ),
            Figure(
                "remote_configurations_refused_total",
                "Configurations from the centre that were refused or rolled back.",
                self.refusals,
                counter=True,
            ),
        )

    async def run(self, host: Host, clock: Clock) -> None:
        """Take what comes, and watch what is on probation, for ever."""
        if self._refusal is not None:
            self._report_refusal(host, self._refusal)
        gate = self._health_gate(host)
        while True:
            await self._wait(clock, None if gate is None else LOOK_S)
            while self._inbox:
                if await self._receive(self._inbox.popleft(), host):
                    gate = self._health_gate(host)
            if gate is not None and (verdict := gate.check(host.vitals())) is not None:
                gate = None if await self._end_probation(host, passed=verdict) else gate

    async def _wait(self, clock: Clock, look_s: float | None) -> None:
        if look_s is None:
            await self._woken.wait()
        else:
            look_s = min(look_s, self._settings.probation_s / 4)
            tick = asyncio.ensure_future(clock.sleep(look_s))
            come = asyncio.ensure_future(self._woken.wait())
            try:
                await asyncio.wait({tick, come}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                tick.cancel()
                come.cancel()
        self._woken.clear()

    def _health_gate(self, host: Host) -> HealthGate | None:
        if self._record.phase is ConfigurationPhase.SETTLED:
            return None
        return HealthGate(host.vitals(), self._settings.probation_s, self._settings.late_s)

    async def _receive(self, payload: bytes, host: Host) -> bool:
        """Take a configuration, or refuse it by name; whether it is on probation now."""
        sha256, version = hashlib.sha256(payload).digest(), 0
        try:
            message = self._opened(payload)
            version = message.version
            if self._damage is not None:
                raise self._damage
            if is_known(self._record, version, sha256):
                return False
            config = self._checked(payload)
            self._take(Offered(SignedConfiguration(version, sha256, payload)))
        except MeterlineError as error:
            self._refuse_and_report(
                host, ConfigurationRefusal(version, sha256, error.code, str(error))
            )
            return False
        self._refusal = None
        said = f"Configuration {version} is on probation."
        _log.info("configuration_offered", version=version)
        host.note("configuration_offered", said)
        host.announce()
        outcome = await host.apply(config, _origin(version))
        if not isinstance(outcome, ReloadRefusal):
            return True
        await self._fail(host, Failed(outcome.code, outcome.message))
        return False

    async def _end_probation(self, host: Host, *, passed: bool) -> bool:
        """Whether it could be kept; if not, it is tried again."""
        try:
            if not passed:
                sentence = (
                    "No reading was committed or the broker was not connected during probation."
                )
                return await self._fail(host, Failed(ConfigurationUnhealthyError.code, sentence))
            self._take(Passed())
        except RemoteStateUnwritableError as error:
            _log.error("configuration_state_not_kept", code=error.code, reason=error.message)
            return False
        version = self.report().version
        _log.info("configuration_good", version=version)
        host.note("configuration_good", f"Configuration {version} passed its probation.")
        host.announce()
        return True

    async def _fail(self, host: Host, event: Failed) -> bool:
        """Go back to what proved itself; whether that could be kept."""
        try:
            self._take(event)
        except RemoteStateUnwritableError as error:
            _log.error("configuration_state_not_kept", code=error.code, reason=error.message)
            return False
        if self._refusal is not None:
            self._report_refusal(host, self._refusal)
        await host.apply(self._proven(), _origin(self.report().version))
        return True

    def _proven(self) -> EdgeConfig:
        """The last good configuration; the gateway's own file where none is, or none fits now."""
        good = self._record.good
        if good is None:
            return self._local
        try:
            return self._checked(good.payload)
        except MeterlineError as error:
            self._refuse(ConfigurationRefusal(good.version, good.sha256, error.code, str(error)))
            return self._local

    def _opened(self, payload: bytes) -> RemoteConfiguration:
        message = decode_configuration(self._keys.open(payload))
        check_gateway(self._local.gateway, message)
        return message

    def _checked(self, payload: bytes) -> EdgeConfig:
        """The whole configuration, which can be applied as far as anybody can tell."""
        config = overlay(self._local, self._opened(payload).toml)
        check_meters(config.meters)
        return config

    def _take(self, event: Event) -> None:
        """Go on to the next record, which is on the disk first."""
        after = step(self._record, event)
        if after == self._record:
            return
        self._state.save(pack_record(after))
        failed = after.refusal is not None and after.refusal != self._record.refusal
        self._record = after
        if failed and after.refusal is not None:
            self._refuse(after.refusal)

    def _refuse(self, refusal: ConfigurationRefusal) -> None:
        self._refusal = refusal
        self.refusals += 1

    def _refuse_and_report(self, host: Host, refusal: ConfigurationRefusal) -> None:
        # A retained message comes again at each connection; one line says it.
        if self._refusal == refusal:
            return
        self._refuse(refusal)
        if self._throttle.allows(refusal.code, host.vitals().now):
            self._report_refusal(host, refusal)
        else:
            host.announce()

    def _report_refusal(self, host: Host, refusal: ConfigurationRefusal) -> None:
        _log.error(
            "configuration_refused",
            version=refusal.version,
            code=refusal.code,
            reason=refusal.sentence,
        )
        host.note(refusal.code.lower(), f"Configuration {refusal.version}: {refusal.sentence}")
        host.announce()


def _origin(version: int) -> str:
    return f"the centre, version {version}" if version else "the gateway's own file"
