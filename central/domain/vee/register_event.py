"""Rule: name every step of a register that is no plain difference."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.metering.register import EventKind
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import Code, Finding, Severity

_JUDGEMENT = {
    EventKind.ROLLOVER: (Severity.INFO, "The register started again at 0 after its last digit."),
    EventKind.GLITCH: (Severity.WARNING, "A reading fell out of line and is left out."),
    EventKind.RESET: (
        Severity.CRITICAL,
        "The register fell to 0; the use of this step is unknown.",
    ),
    EventKind.BACKWARD: (
        Severity.CRITICAL,
        "The register went backwards; the use of this step is unknown.",
    ),
}


def register_events(day: JudgedDay) -> Iterator[Finding]:
    """Rollovers, glitches, resets and backward steps that reach into the day."""
    for event in day.track.events:
        inside = day.within(event.from_ms, event.until_ms)
        if inside is None:
            continue
        severity, message = _JUDGEMENT[event.kind]
        yield Finding(
            Code(event.kind.value),
            severity,
            inside,
            message,
            {
                "before": str(event.before),
                "after": str(event.after),
                "exponent": str(event.exponent),
            },
        )
