"""Set and withdraw facts of agreements from a date on, each change a revision with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from central.domain.audit.change import change
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import (
    AgreementRecord,
    NotRegisteredError,
    RegistryConflictError,
    RegistryTransaction,
)
from central.service.ports.stamps import InputKind
from central.service.registry.agreement_checks import (
    RegistryWarning,
    check_agreement,
    check_fact,
)
from central.service.registry.audited import agreement_said, revised
from central.service.registry.noted import RegistryChanges
from central.service.registry.record_changes import Effect
from central.service.registry.tariff_revisions import need_reason


@dataclass(frozen=True, slots=True)
class AgreedAt:
    """Whose facts are meant: those of the agreement that holds on a fact's day.

    Args:
        account: Number.
        point: Name.
        service: Name; None where the account has one agreement there on that day.
    """

    account: str
    point: str
    service: str | None = None

    def __str__(self) -> str:
        return f"{self.account} at {self.point}"


class AgreedFactChanges(RegistryChanges):
    """The use-cases, each in a transaction of its own."""

    concerned = ConcernedBills()
    """Issued bills whose days the last change reaches into."""
    agreement: AgreementRecord | None = None
    """The agreement that the last change was about, as it was before."""
    warnings: Sequence[RegistryWarning] = ()
    """What of the last change will hold bills, or change none."""

    async def set(self, agreed: AgreedAt, fact: Fact, reason: str) -> Effect:
        """Set a fact from its date on; one of that name and date is corrected.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: No agreement holds on that day.
            RegistryConflictError: Several do.
        """
        need_reason(reason)
        async with self._begin() as registry:
            await registry.hold([agreed.point], [agreed.account])
            agreement = self.agreement = await _holding(registry, agreed, fact.effective)
            facts = agreement.facts.merged(AgreementFacts((fact,)))
            if facts == agreement.facts:
                return Effect.UNCHANGED
            there = agreement.facts.entered(fact.name, fact.effective)
            await self._change(registry, agreement, facts, fact, reason)
            self.warnings = await check_fact(registry, agreement, fact)
            return Effect.ADDED if there is None else Effect.CHANGED

    async def withdraw(self, agreed: AgreedAt, name: str, effective: date, reason: str) -> None:
        """Withdraw a fact that was entered by mistake; the one before its date holds on.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: No agreement holds on that day, or no fact begins on it.
            RegistryConflictError: Several agreements hold.
        """
        need_reason(reason)
        async with self._begin() as registry:
            await registry.hold([agreed.point], [agreed.account])
            agreement = await _holding(registry, agreed, effective)
            fact = agreement.facts.entered(name, effective)
            if fact is None:
                message = f"{agreed} has no fact {name} from {effective}."
                remedy = "`meterline-central registry history agreement` shows what there is."
                raise NotRegisteredError(message, value=name, remedy=remedy)
            left = tuple(other for other in agreement.facts.facts if other != fact)
            facts = AgreementFacts(left)
            await self._change(registry, agreement, facts, fact, reason)
            self.warnings = await check_agreement(registry, replace(agreement, facts=facts))

    async def _change(
        self,
        registry: RegistryTransaction,
        old: AgreementRecord,
        facts: AgreementFacts,
        fact: Fact,
        reason: str,
    ) -> None:
        new = replace(old, facts=facts)
        occupancy = next(
            lived.id
            for lived in await registry.occupancies(old)
            if old.first in lived.agreements and lived.id is not None
        )
        await registry.change_agreement(new, occupancy)
        later = [
            other.effective
            for other in facts.facts
            if other.name == fact.name and other.effective > fact.effective
        ]
        first, end = max(old.first, fact.effective), min(later, default=old.end)
        self.concerned = await registry.concerned(InputKind.POINT, old.point, first, end)
        said, now = agreement_said(new) or {}, self.clock()
        subject = f"{old.account} at {old.point}"
        note = DecisionNote(self.actor, reason, now)
        about = "agreement", revised("agreement", subject, said)
        await registry.keep_revision(about, agreement_said(old), said, note)
        detail = change(agreement_said(old), said, reason)
        await registry.audit(now, self.actor, "agreement.changed", subject, detail)


async def _holding(registry: RegistryTransaction, agreed: AgreedAt, day: date) -> AgreementRecord:
    """The agreement that holds on a day; of a fact from before it, the first one."""
    held = [
        agreement
        for agreement in await registry.agreements(agreed.point)
        if agreement.account == agreed.account
        and agreed.service in {None, agreement.service}
        and (agreement.end is None or day < agreement.end)
    ]
    begun = [agreement for agreement in held if agreement.first <= day]
    meant = begun or [
        agreement for agreement in held if agreement.first == min(other.first for other in held)
    ]
    if not meant:
        message = f"{agreed} has no agreement on {day}."
        raise NotRegisteredError(message, value=str(agreed))
    if len(meant) > 1:
        message = f"{agreed} has agreements for {len(meant)} services on {day}."
        raise RegistryConflictError(message, value=str(agreed), remedy="Name the service.")
    return meant[0]
