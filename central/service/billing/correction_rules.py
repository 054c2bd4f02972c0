"""Rules that settle small differences of issued bills: entered, approved, and applied.

A version is entered by one person and approved by another, and acts under its own name. It settles
what stays below its amount and is no older than its days, unless one of the two worked on that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from central.domain.actor import Actor
from central.domain.billing.correction_rule import (
    CorrectionRule,
    RuleState,
    RuleTerms,
    check_rule_name,
    no_such_rule,
)
from central.service.billing.correct_bills import CorrectBills
from central.service.ports.correction_rules import CorrectionRuleStore
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

AT_ONCE = 1_000
"""How many candidates are settled in one go."""

_log = structlog.get_logger(__name__)


class CorrectionRules:
    """The use-cases.

    Args:
        store: Where rules are kept.
        correct: Corrects issued bills.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: CorrectionRuleStore,
        correct: CorrectBills,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._correct = correct
        self._clock = clock

    async def enter(self, name: str, terms: RuleTerms, actor: Actor, reason: str) -> int:
        """Enter the next version of a rule; another person approves it.

        Returns:
            Its number.

        Raises:
            InvalidValueError: The name is none, or there is no reason.
        """
        return await self._store.enter(check_rule_name(name), terms, self._note(actor, reason))

    async def approve(self, name: str, version: int, actor: Actor) -> None:
        """Put a version in force, in place of the one before.

        Raises:
            NoSuchRuleError: It does not wait for that.
            SelfApprovalError: The approver entered it.
        """
        if not await self._store.approve(name, version, actor, self._clock()):
            raise no_such_rule(name, version)

    async def withdraw(self, name: str, version: int, actor: Actor, reason: str) -> None:
        """Withdraw a version; what it settled stays.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchRuleError: It neither waits nor is in force.
        """
        if not await self._store.withdraw(name, version, self._note(actor, reason)):
            raise no_such_rule(name, version)

    async def listed(self) -> Sequence[CorrectionRule]:
        """All versions, by name, the newest first."""
        return await self._store.rules()

    async def apply(self, since: datetime | None = None) -> int:
        """Settle open candidates that rules cover; what is refused stays a candidate.

        Args:
            since: Only those that were compared then or later; None for all.

        Returns:
            How many are settled.
        """
        rules = {
            rule.key: rule for rule in await self._store.rules() if rule.state is RuleState.IN_FORCE
        }
        if not rules:
            return 0
        settled, today = 0, self._clock().date()
        for covered in await self._store.covered(today, since, AT_ONCE):
            rule = rules.get(covered.rule)
            if rule is None:
                continue
            try:
                settled += await self._correct.by_rule(
                    covered.account, rule, covered.bill, covered.difference_sha256
                )
            except OperatorError as error:
                _log.warning(
                    "rule_not_applied", rule=rule.key, account=covered.account, code=error.code
                )
        return settled

    def _note(self, actor: Actor, reason: str) -> DecisionNote:
        if not reason.strip():
            message = "A rule needs a reason, such as 'below what a letter costs'."
            raise InvalidValueError(message, value=reason)
        return DecisionNote(actor, reason.strip(), self._clock())
