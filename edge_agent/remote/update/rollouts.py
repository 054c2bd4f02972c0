"""The courses of all components, on the disk before anything follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog

from edge_agent.monitoring.prometheus import Figure
from edge_agent.remote.errors import RemoteStateDamagedError, RemoteStateUnwritableError
from edge_agent.remote.state_file import StateFile
from edge_agent.remote.update.state_codec import pack_courses, unpack_courses
from edge_agent.remote.update.state_machine import (
    Course,
    Event,
    Outcome,
    Phase,
    Started,
    Stopped,
    step,
)
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.reports import UpdateReport, UpdateState

_log = structlog.get_logger(__name__)

_STATES = {
    Phase.FETCHING: UpdateState.FETCHING,
    Phase.INSTALLING: UpdateState.INSTALLING,
    Phase.HANDED_OVER: UpdateState.INSTALLING,
    Phase.PROBATION: UpdateState.PROBATION,
    Phase.ROLLING_BACK: UpdateState.ROLLING_BACK,
}


class Courses:
    """What every component's update has come to.

    Args:
        state: Where it is kept.

    Attributes:
        refusals: How many were refused or taken back since the start.
        damage: Why what was kept cannot be read; None where it can.
        trouble: The last announcement that did not come so far as to have a course.
    """

    def __init__(self, state: StateFile) -> None:
        self.refusals = 0
        self.damage: RemoteStateDamagedError | None = None
        self.trouble: UpdateReport | None = None
        self._state = state
        self._courses: dict[str, Course] = {}

    def __iter__(self) -> Iterator[Course]:
        return iter(self._courses.values())

    def __getitem__(self, component: str) -> Course:
        return self._courses.get(component, Course(component))

    @property
    def active(self) -> Course | None:
        """The one to work on."""
        return next((course for course in self if course.phase is not Phase.IDLE), None)

    def begin(self, running: Release | None, limit: int) -> None:
        """The agent starts.

        Raises:
            RemoteStateUnwritableError: Nothing can be kept; starting again may help.
        """
        try:
            self._courses = unpack_courses(self._state.load())
        except RemoteStateDamagedError as error:
            self.damage = error
            self.refuse(UpdateReport("", "", UpdateState.REFUSED, error.code))
            return
        for component in list(self._courses):
            self.take(component, Started(running, limit))

    def stop(self) -> None:
        """The agent is told to stop: this start was no death."""
        for component in list(self._courses):
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
        self._state.save(pack_courses((self._courses | {component: after}).values()))
        self._courses[component] = after
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
        found = [report_of(course) for course in self]
        told = [report for report in found if report is not None]
        return (*told, *([] if self.trouble is None else [self.trouble]))

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
                "Whether an update is under way.",
                float(self.active is not None),
            ),
            Figure(
                "updates_refused_total",
                "Updates that were refused or taken back.",
                self.refusals,
                counter=True,
            ),
        )


def report_of(course: Course) -> UpdateReport | None:
    """What is reported of one component."""
    if course.target is not None:
        code = None if course.trouble is None else course.trouble[0]
        number = str(course.target.version)
        return UpdateReport(course.component, number, _STATES[course.phase], code)
    if (ended := course.outcome) is None:
        return None
    return UpdateReport(course.component, str(ended.version), ended.state, ended.code or None)


def sentence_of(course: Course) -> str | None:
    """Why its last update is not installed, for people."""
    if course.trouble is not None:
        return course.trouble[1]
    return None if course.outcome is None else course.outcome.sentence or None


def _is_bad(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.state is not UpdateState.INSTALLED
