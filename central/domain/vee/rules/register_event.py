"""Rules: name every step of a register that is not a plain difference."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.metering.register import RegisterEventKind
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.rule import Limits, VeeRule, irregular


def _rule(kind: RegisterEventKind, severity: Severity, message: str, text: ClerkText) -> VeeRule:
    """The rule that names one kind of step."""

    def judge(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
        """Steps of the kind that reach into the day."""
        for event in day.track.events:
            inside = day.within(event.from_ms, event.until_ms) if event.kind is kind else None
            if inside is not None:
                figures = {
                    "before": str(event.before),
                    "after": str(event.after),
                    "exponent": str(event.exponent),
                }
                yield rule.finding(inside, message, figures)

    rule = VeeRule(
        code=VeeCode(kind.value),
        severity=severity,
        text=text,
        screen=irregular,
        judge=judge,
        # What was used is unknown: the interval is missing, and an estimate says it.
        filled=severity is Severity.CRITICAL,
    )
    return rule


ROLLOVER = _rule(
    RegisterEventKind.ROLLOVER,
    Severity.INFO,
    "The register started again at 0 after its last digit.",
    ClerkText(
        "a register started again at 0 after its last digit; validation has handled it",
        "un registro volvió a empezar en 0 tras su última cifra; la validación lo ha tratado",
    ),
)
GLITCH = _rule(
    RegisterEventKind.GLITCH,
    Severity.WARNING,
    "A reading does not fit its neighbours and is ignored.",
    ClerkText(
        "readings that do not fit their neighbours and are ignored",
        "lecturas que no encajan con sus vecinas y no se usan",
    ),
)
RESET = _rule(
    RegisterEventKind.RESET,
    Severity.CRITICAL,
    "The register fell to 0; the consumption of this interval is unknown.",
    ClerkText(
        "a register fell to 0 and stayed low; what was used meanwhile is unknown",
        "un registro cayó a 0 y no se recuperó; se desconoce el consumo de ese intervalo",
    ),
)
BACKWARD = _rule(
    RegisterEventKind.BACKWARD,
    Severity.CRITICAL,
    "The register went backwards; the consumption of this interval is unknown.",
    ClerkText(
        "a register fell and stayed; what was used meanwhile is unknown",
        "un registro retrocedió y no se recuperó; se desconoce el consumo de ese intervalo",
    ),
)
