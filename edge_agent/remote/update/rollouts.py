"""The rollouts of all components, on the disk before anything follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog

from edge_agent.remote.errors import RemoteStateDamagedError, RemoteStateUnwritableError
from edge_agent.remote.state_file import StateFile
from edge_agent.remote.update.state_codec import pack_rollouts, unpack_rollouts
from edge_agent.remote.update.state_machine import (
    Event,
    Rollout,
    Started,
    Stopped,
    UpdateOutcome,
    UpdatePhase,
    step,
)
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.reports import UpdateReport, UpdateState
from firmware_bridge.figures import Figure

_log = structlog.get_logger(__name__)

_STATES = {
    UpdatePhase.FETCHING: UpdateState.FETCHING,
    UpdatePhase.INSTALLING: UpdateState.INSTALLING,
    UpdatePhase.HANDED_OVER: UpdateState.INSTALLING,
    UpdatePhase.PROBATION: UpdateState.PROBATION,
    UpdatePhase.ROLLING_BACK: UpdateState.ROLLING_BACK,
}


class Rollouts:
    """What every component's update has come to.

    Args:
        state: Where it is kept.

    Attributes:
        refusals: How many were refused or taken back since the start.
        damage: Why what was kept cannot be read; None where it can.
        trouble: The last announcement that did not come so far as to have a rollout.
    """

    def __init__(self, state: StateFile) -> None:
        self.refusals = 0
        self.damage: RemoteStateDamagedError | None = None
        self.trouble: UpdateReport | None = None
        self._state = state
        self._rollouts: dict[str, Rollout] = {}

    def __iter__(self) -> Iterator[Rollout]:
        return iter(self._rollouts.values())

    def __getitem__(self, component: str) -> Rollout:
        return self._rollouts.get(component, Rollout(component))

    @property
    def active(self) -> Rollout | None:
        """The one to work on."""
        return next((rollout for rollout in self if rollout.phase is not UpdatePhase.IDLE), None)

    def begin(self, running: Release | None, limit: int) -> None:
        """The agent starts.

        Raises:
            RemoteStateUnwritableError: Nothing can be kept; starting again may help.
        """
        try:
            self._rollouts = unpack_rollouts(self._state.load())
        except RemoteStateDamagedError as error:
            self.damage = error
            self.refuse(UpdateReport("", "", UpdateState.REFUSED, error.code))
            return
        for component in list(self._rollouts):
            self.take(component, Started(running, limit))

    def stop(self) -> None:
        """The agent is told to stop: this start was no death."""
        for component in list(self._rollouts):
            try:
                self.take(component, Stopped())
            except RemoteStateUnwritableError as error:
                _log.error("update_state_not_kept", code=error.code, reason=error.message)

    def take(self, component: str, event: Event) -> bool:
        """Go on to what follows an event; whether anything does.

        Raises:
            RemoteStateUnwritableError: It could not be kept, so it did not happen.
        """
        before = self[component]
        after = step(before, event)
        if after == before:
            return False
        self._state.save(pack_rollouts((self._rollouts | {component: after}).values()))
        self._rollouts[component] = after
        if _is_bad(after.outcome) and after.outcome != before.outcome:
            self.refusals += 1
        return True

    def refuse(self, report: UpdateReport) -> bool:
        """Note an announcement that is not taken; whether that is new."""
        # A retained message comes again at each connection; one line says it.
        if self.trouble == report:
            return False
        self.trouble = report
        self.refusals += 1
        return True

    def reports(self) -> tuple[UpdateReport, ...]:
        """For the status."""
        by_component = [report_of(rollout) for rollout in self]
        reported = [report for report in by_component if report is not None]
        return (*reported, *([] if self.trouble is None else [self.trouble]))

    def table(self) -> list[dict[str, Any]]:
        """As `meterline-edge status` shows it."""
        return [
            {
                "component": report.component,
                "version": report.version,
                "state": report.state.value,
                "code": report.code,
                "reason": sentence_of(self[report.component]),
            }
            for report in self.reports()
        ]

    def figures(self) -> tuple[Figure, ...]:
        """For Prometheus."""
        return (
            Figure(
                "update_under_way",
                "1 while an update is in progress, else 0.",
                float(self.active is not None),
            ),
            Figure(
                "updates_refused_total",
                "Updates that were refused or rolled back.",
                self.refusals,
                counter=True,
            ),
        )


def report_of(rollout: Rollout) -> UpdateReport | None:
    """What is reported of one component."""
    if rollout.target is not None:
        code = None if rollout.trouble is None else rollout.trouble[0]
        number = str(rollout.target.version)
        return UpdateReport(rollout.component, number, _STATES[rollout.phase], code)
    if (ended := rollout.outcome) is None:
        return None
    return UpdateReport(rollout.component, str(ended.version), ended.state, ended.code or None)


def sentence_of(rollout: Rollout) -> str | None:
    """Why its last update is not installed, for people."""
    if rollout.trouble is not None:
        return rollout.trouble[1]
    return None if rollout.outcome is None else rollout.outcome.sentence or None


def _is_bad(outcome: UpdateOutcome | None) -> bool:
    return outcome is not None and outcome.state is not UpdateState.INSTALLED
