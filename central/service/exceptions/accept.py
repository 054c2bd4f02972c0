"""Accept: somebody answers for a finding, or says which of two values a reading has."""

from __future__ import annotations

from central.service.exceptions.actions import Action, ActionStores, require_kind
from central.service.ports.decisions import Choice
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey, ExceptionKind
from central.service.validation.decisions import accept_finding, decide_conflict


async def accept(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
    """Accept a finding: one of validation holds no bill any more, one of ingest is closed.

    Raises:
        NotForThisKindError: It is no finding.
        NoSuchFindingError: Nobody can answer for it, such as for missing intervals.
    """
    require_kind(key, ExceptionKind.FINDING, ExceptionKind.REPORT)
    await accept_finding(stores.reports, stores.judgements, str(key), answer.note)
    return "accepted"


def decide(choice: Choice) -> Action:
    """The decision of a conflict.

    Args:
        choice: Which of the two values the reading has.
    """

    async def decided(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
        require_kind(key, ExceptionKind.CONFLICT)
        await decide_conflict(stores.reports, key.number, choice, answer.note)
        return f"decided: {choice.value}"

    return decided
