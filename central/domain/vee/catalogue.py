"""All that can be found about a day: the rules, and what validation itself has to say."""

from __future__ import annotations

from central.domain.vee.estimator import WAITING
from central.domain.vee.estimators import ESTIMATORS
from central.domain.vee.finding import FindingKind
from central.domain.vee.notices import NOTICES
from central.domain.vee.rule import AnyThreshold
from central.domain.vee.rules import RULES

KINDS: tuple[FindingKind, ...] = (*RULES, *NOTICES)
"""By code, each once."""

NOT_ACCEPTED = frozenset(kind.code for kind in KINDS if not kind.accepted)
"""What nobody can answer for: intervals are filled, conflicts decided. Bills hold until then."""

FILLED = frozenset(kind.code for kind in KINDS if kind.filled)
"""What an estimate or edit of the day settles."""

OWNED_THRESHOLDS: tuple[tuple[str, tuple[AnyThreshold, ...]], ...] = (
    *((str(rule.code), rule.thresholds) for rule in RULES),
    *(
        (entry.name, (entry.longest, *entry.thresholds))
        for entry in ESTIMATORS
        if entry.longest is not None
    ),
    ("nightly estimates", (WAITING,)),
)
"""The numbers that a policy may set, by whose they are."""
