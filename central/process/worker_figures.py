"""The figures of a worker: its jobs, and how the centre stands, which each worker says alike."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from central.service.ports.watch import CentreState, WatchStore
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.figures import Figure, Histogram

LOOK_EVERY_S: Final = 30.0
"""How often it is looked how the centre stands. [s]"""

_JOB_BOUNDS: Final = (0.1, 1.0, 5.0, 30.0, 120.0, 600.0, 1_800.0, 7_200.0)
_log = structlog.get_logger(__name__)


class WorkerFigures:
    """What one worker counts, and the state of the centre as it saw it last.

    Args:
        heads: When a signed head of the audit log was exported last; None where none is.
    """

    def __init__(self, heads: Callable[[], datetime | None] = lambda: None) -> None:
        self._heads = heads
        help_text = "Jobs that this worker did, by name and outcome. [s]"
        self.jobs = Histogram("job_seconds", help_text, _JOB_BOUNDS, ("job", "outcome"))
        self.validated: Counter[str] = Counter()
        self._state: CentreState | None = None

    async def keep_looking(self, store: WatchStore, clock: Callable[[], datetime]) -> None:
        """Look at the centre now and then until cancelled; what was seen last stays."""
        while True:
            try:
                self._state = await store.state(clock())
            except MeterlineError as error:
                _log.warning("centre_not_seen", code=error.code, reason=error.message)
            await asyncio.sleep(LOOK_EVERY_S)

    def figures(self) -> list[Figure | Histogram]:
        """Of the moment."""
        validated = self.validated
        return [
            self.jobs,
            Figure("days_validated_total", "Days validated.", validated["days"], counter=True),
            Figure("days_closed_total", "Days closed.", validated["closed"], counter=True),
            Figure(
                "audit_head_timestamp_seconds",
                "Day of the newest signed head of the audit log in its folder.",
                None if (head := self._heads()) is None else head.timestamp(),
            ),
            *([] if self._state is None else _of_centre(self._state)),
        ]


def _of_centre(state: CentreState) -> list[Figure]:
    """How the centre stands, as gauges."""
    counted = state.unclosed_counted_at
    return [
        Figure(
            "centre_seen_timestamp_seconds",
            "When it was looked how the centre stands.",
            state.seen_at.timestamp(),
        ),
        Figure("gateways", "Gateways that are enrolled.", state.gateways),
        Figure("gateways_silent", "Gateways that are silent.", state.gateways_silent),
        Figure(
            "unclosed_channels",
            "Channels with days that are over and not closed.",
            state.channels_unclosed,
        ),
        Figure(
            "oldest_unclosed_day_seconds",
            "How long the oldest day that is not closed has been over.",
            state.unclosed_for.total_seconds(),
        ),
        Figure(
            "unclosed_days_counted_timestamp_seconds",
            "When unclosed days were counted; 0 for never.",
            0.0 if counted is None else counted.timestamp(),
        ),
        Figure("changes_waiting", "Changes that wait for validation.", state.changes_waiting),
        *(
            Figure(
                "exceptions",
                "Exceptions that wait for a clerk, by severity and age.",
                count,
                labels={"severity": severity, "age": age},
            )
            for (severity, age), count in state.exceptions.items()
        ),
        *(
            Figure("bill_drafts", "Bills that nobody approved.", count, labels={"age": age})
            for age, count in state.drafts.items()
        ),
        Figure("bill_runs_open", "Bill runs that have not ended.", state.runs_open),
        Figure("bill_shards_open", "Parts of open runs that are not done.", state.shards_open),
        Figure(
            "bill_run_idle_seconds",
            "How long the open run that stands still longest has done nothing.",
            state.runs_idle_for.total_seconds(),
        ),
        Figure("documents_waiting", "Invoices that are not rendered.", state.documents_waiting),
        Figure("documents_failed", "Invoices whose rendering failed.", state.documents_failed),
        Figure("audit_unsealed", "Rows of the audit log without a seal.", state.unsealed),
        Figure(
            "audit_unsealed_seconds",
            "How long the oldest row without a seal waits.",
            state.unsealed_for.total_seconds(),
        ),
        Figure("queue_waiting", "Jobs that no worker has taken.", state.jobs_waiting),
        Figure("queue_doing", "Jobs that a worker has.", state.jobs_doing),
        Figure(
            "backup_timestamp_seconds",
            "When a backup was taken last; 0 for never.",
            0.0 if state.backup_at is None else state.backup_at.timestamp(),
        ),
        Figure(
            "gateway_certificates_ending",
            "Gateways whose certificate soon ends and was not renewed.",
            state.certificates_ending,
        ),
        Figure(
            "gateway_certificates_ended",
            "Gateways whose certificate has ended.",
            state.certificates_ended,
        ),
        Figure("jobs_given_up", "Jobs of seven nights that were given up.", state.jobs_given_up),
    ]
