"""The figures of an ingest process."""

from __future__ import annotations

from collections import Counter

from central.service.ingest.outcome import OutcomeKind
from central.service.ingest.queue import Intake
from firmware_bridge.figures import Figure

_KINDS = {
    OutcomeKind.STORED: "Batches that were stored.",
    OutcomeKind.DUPLICATE: "Batches that were there already.",
    OutcomeKind.CONFLICT: "Batches that conflict with what is there.",
    OutcomeKind.REJECTED: "Messages that were refused and kept.",
    OutcomeKind.QUARANTINED: "Batches that were quarantined.",
    OutcomeKind.HELLO: "Hellos of gateways.",
    OutcomeKind.UNKEPT: "Messages that the store keeps in no way; not acknowledged.",
}
_OTHERS = {
    "discarded": "Messages that found the queue or their gateway's share full; they come again.",
    "readings": "Readings that were stored.",
    "retries": "Attempts to store that found no database.",
    "abandoned": "Messages of windows that failed; not acknowledged.",
    "unsent": "Acknowledgements that could not be sent.",
    "isolated": "Messages that were at fault and tried apart.",
}


def ingest_figures(intake: Intake, statuses: Counter[str], failures: Counter[str]) -> list[Figure]:
    """What the process counted since it began, and what waits.

    Args:
        intake: The queue.
        statuses: What became of statuses.
        failures: Periodic tasks that failed, by name.
    """
    counts = intake.counts
    counted = [
        *((f"messages_{kind.value}_total", text, counts[kind]) for kind, text in _KINDS.items()),
        *((f"{name}_total", text, counts[name]) for name, text in _OTHERS.items()),
        ("statuses_rejected_total", "Statuses that were refused and kept.", statuses["rejected"]),
        ("statuses_unkept_total", "Statuses that could not be kept.", statuses["unkept"]),
        ("task_failures_total", "Periodic tasks that failed.", failures.total()),
    ]
    return [
        Figure("queue_bytes", "Payload that waits. [B]", intake.waiting_bytes),
        Figure("queue_messages", "Messages that wait.", intake.waiting),
        *(Figure(name, text, value, counter=True) for name, text, value in counted),
    ]
