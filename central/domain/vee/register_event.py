"""Rule: name every step of a register that is not a plain difference."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.metering.register import RegisterEventKind
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import Severity, VeeCode, VeeFinding

_JUDGEMENT = {
    RegisterEventKind.ROLLOVER: (
        Severity.INFO,
        "The register started again at 0 after its last digit.",
    ),
    RegisterEventKind.GLITCH: (
        Severity.WARNING,
        "A reading does not fit its neighbours and is ignored.",
    ),
    RegisterEventKind.RESET: (
        Severity.CRITICAL,
        "The register fell to 0; the consumption of this interval is unknown.",
    ),
    RegisterEventKind.BACKWARD: (
        Severity.CRITICAL,
        "The register went backwards; the consumption of this interval is unknown.",
    ),
}


def register_events(day: JudgedDay) -> Iterator[VeeFinding]:
    """Rollovers, glitches, resets and backward steps that reach into the day."""
    for event in day.track.events:
        inside = day.within(event.from_ms, event.until_ms)
        if inside is None:
            continue
        severity, message = _JUDGEMENT[event.kind]
        yield VeeFinding(
            VeeCode(event.kind.value),
            severity,
            inside,
            message,
            {
                "before": str(event.before),
                "after": str(event.after),
                "exponent": str(event.exponent),
            },
        )
