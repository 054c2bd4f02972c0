"""All that can be found about a day: the rules, and what validation itself has to say."""

from __future__ import annotations

from central.domain.vee.finding import FindingKind
from central.domain.vee.notices import NOTICES
from central.domain.vee.rules import RULES

KINDS: tuple[FindingKind, ...] = (*RULES, *NOTICES)
"""By code, each once."""

NOT_ACCEPTED = frozenset(kind.code for kind in KINDS if not kind.accepted)
"""What nobody can answer for: intervals are filled, conflicts decided. Bills hold until then."""
