"""The figures of an ingest process."""

from __future__ import annotations

from collections import Counter

from central.service.ingest.outcome import OutcomeKind
from central.service.ingest.queue import Intake
from firmware_bridge.figures import Figure, Histogram

_OTHERS = {
    "discarded": "Messages that found the queue or their gateway's share full; they come again.",
    "deferred": "Messages beyond their gateway's quota; they come again.",
    "readings": "Readings that were stored.",
    "retries": "Attempts to store that found no database.",
    "abandoned": "Messages of windows that failed; not acknowledged.",
    "unsent": "Acknowledgements that could not be sent.",
    "isolated": "Messages that were at fault and tried apart.",
}


def ingest_figures(
    intake: Intake, statuses: Counter[str], failures: Counter[str]
) -> list[Figure | Histogram]:
    """What the process counted since it began, and what waits.

    Args:
        intake: The queue.
        statuses: What became of statuses.
        failures: Periodic tasks that failed, by name.
    """
    counts = intake.counts
    counted = [
        *((f"{name}_total", text, counts[name]) for name, text in _OTHERS.items()),
        ("statuses_rejected_total", "Statuses that were refused and kept.", statuses["rejected"]),
        ("statuses_unkept_total", "Statuses that could not be kept.", statuses["unkept"]),
        ("task_failures_total", "Periodic tasks that failed.", failures.total()),
    ]
    return [
        Figure("queue_bytes", "Payload that waits. [B]", intake.waiting_bytes),
        Figure("queue_room_bytes", "Payload that may wait. [B]", intake.room_bytes),
        Figure("queue_messages", "Messages that wait.", intake.waiting),
        intake.windows,
        intake.messages,
        *(
            Figure(
                "messages_total",
                "Messages of gateways, by what became of them.",
                counts[kind],
                counter=True,
                labels={"outcome": kind.value},
            )
            for kind in OutcomeKind
        ),
        *(Figure(name, text, value, counter=True) for name, text, value in counted),
    ]
