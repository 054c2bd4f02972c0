"""Bills that are not all metered, and whose gateways may still send what is missing."""

from __future__ import annotations

from central.domain.rating.hold import Hold

HOLES = ("LOST_RANGE", "GAP", "VOID_BATCH", "QUARANTINE")
"""Findings of ingest after which something may still come; they hold what is not all metered."""


def hole_hold(code: str, gateway: str, finding: int) -> Hold:
    """The hold of a bill that is not all metered, and whose gateway's batches may still come.

    Args:
        code: One of `HOLES`.
        gateway: Name.
        finding: Number of the gateway's first open finding of that code.
    """
    message = (
        f"Intervals are missing, and {gateway} may still send the missing batches. Where they are"
        f" quarantined, look with `quarantine list`; where they never come, or say nothing of these"
        f" days, answer for it with `finding accept i{finding}`."
    )
    return Hold("HOLE", message, f"{code} {gateway}")
