"""Record an operator's decisions: the value of a conflict, and accepted findings."""

from __future__ import annotations

from collections.abc import Mapping

from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.decisions import Choice, DecisionNote, DecisionStore
from central.service.ports.validation import ValidationStore
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

_REPORT, _JUDGEMENT = "i", "v"
_BIGINT_MAX = 2**63 - 1


class NoSuchConflictError(OperatorError):
    """No open conflict has that number."""

    code = "NO_SUCH_CONFLICT"
    default_remedy = "`conflict list` shows those that are open."


class NoSuchFindingError(OperatorError):
    """No open finding with that number can be accepted."""

    code = "NO_SUCH_FINDING"
    default_remedy = "`finding list` shows those that are open."


async def decide_conflict(
    store: DecisionStore, conflict_id: int, choice: Choice, answer: DecisionNote
) -> Mapping[str, ConcernedBills]:
    """Settle which of two values a reading has; its days are validated again.

    Returns:
        The issued bills whose days another value may change, by what was changed. They stay.

    Raises:
        InvalidValueError: No reason is given.
        NoSuchConflictError: Nothing of that number waits.
    """
    _need_reason(answer.reason)
    concerned = None
    if 0 < conflict_id <= _BIGINT_MAX:
        concerned = await store.settle(conflict_id, choice, answer)
    if concerned is None:
        message = f"The conflict {conflict_id} does not exist or is already decided."
        raise NoSuchConflictError(message, value=conflict_id)
    return concerned


async def accept_finding(
    reports: DecisionStore, judgements: ValidationStore, finding: str, answer: DecisionNote
) -> None:
    """Accept a finding. One of validation then holds no bill; one of ingest is closed.

    Args:
        reports: Where ingest's findings are.
        judgements: Where validation's findings are.
        finding: As lists show it: i12 is ingest's, v12 is validation's.
        answer: Who, why and when.

    Raises:
        InvalidValueError: No reason is given.
        NoSuchFindingError: It is not there, closed, accepted already, or one of `NOT_ACCEPTED`.
    """
    _need_reason(answer.reason)
    kind, digits = finding[:1], finding[1:]
    number = int(digits) if digits.isascii() and digits.isdecimal() else 0
    accepted = False
    if 0 < number <= _BIGINT_MAX and kind == _REPORT:
        accepted = await reports.accept_report(number, answer)
    elif 0 < number <= _BIGINT_MAX and kind == _JUDGEMENT:
        accepted = await judgements.accept_finding(number, answer.actor, answer.reason, answer.at)
    if not accepted:
        message = f"The finding {finding!r} is not open, is accepted already, or cannot be."
        remedy = "Fill missing intervals and decide conflicts; `finding list` shows the rest."
        raise NoSuchFindingError(message, value=finding, remedy=remedy)


def _need_reason(reason: str) -> None:
    if not reason.strip():
        message = "A decision needs a reason, such as 'read on site'."
        raise InvalidValueError(message, value=reason)
