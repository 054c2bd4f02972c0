"""Withdraw agreements and installations that were entered by mistake.

Nothing is deleted: what is withdrawn holds at no time any more, and a revision says what it said,
who withdrew it and why. Where bills rest on an agreement, it is refused; issued bills whose days
were measured by a meter stay, and are corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from central.domain.audit.change import change
from central.domain.billing.occupancy import (
    AgreedDays,
    Occupancy,
    PeriodBilledError,
    in_the_way,
    occupied,
)
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import (
    AgreementRecord,
    InstallationRecord,
    NotRegisteredError,
    RegistryConflictError,
    RegistryTransaction,
)
from central.service.ports.stamps import InputKind
from central.service.ports.withdrawals import (
    AlreadyWithdrawnError,
    NamedAgreement,
    NamedInstallation,
)
from central.service.registry.audited import Said, agreement_said, installation_said, revised
from central.service.registry.concerned import days_of_installation
from central.service.registry.noted import RegistryChanges
from central.service.registry.occupancies import of_service
from central.service.registry.tariff_revisions import need_reason
from firmware_bridge.contract.errors import InvalidValueError

_DRAFTS = (
    "Discard the drafts and held bills of those days first (`bill discard`), newest first, and"
    " approved ones after `bill withdraw`"
)
_DISCARD = f"{_DRAFTS}; issued ones are cancelled (`bill cancel`)."


class Withdraw(RegistryChanges):
    """The use-cases, each in a transaction of its own."""

    concerned = ConcernedBills()
    """Issued bills whose days the last withdrawal reaches into."""

    async def agreement(self, named: NamedAgreement, reason: str) -> None:
        """Withdraw an agreement.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: There is none.
            AlreadyWithdrawnError: It was withdrawn before.
            RegistryConflictError: It was taken over from another system, or several are meant.
            PeriodBilledError: Bills, drafts or held bills say days of it, or an issued bill of the
                days before handed over to it what it left, or it is the last of the account,
                which has something left to settle.
        """
        need_reason(reason)
        async with self._begin() as registry:
            await registry.hold([named.point], [named.account])
            await self.agreement_in(registry, named, reason)

    async def agreement_in(
        self, registry: RegistryTransaction, named: NamedAgreement, reason: str
    ) -> None:
        """See `agreement`; point and account are held."""
        agreement = await self._agreement(registry, named)
        others = await of_service(registry, agreement)
        await _leave_occupancy(registry, agreement, others, self.clock())
        meant = replace(named, service=agreement.service)
        await registry.withdraw_agreement(meant)
        subject = f"{agreement.account} at {agreement.point}"
        said = agreement_said(agreement) or {}
        await self._note(registry, ("agreement", subject), said, reason)

    async def installation(self, named: NamedInstallation, reason: str) -> None:
        """Withdraw an installation; days that were validated with it are validated anew.

        Issued bills of such days stay as they are, and are named in `concerned`.

        Raises:
            InvalidValueError: No reason is given, or the start has no UTC offset.
            NotRegisteredError: There is none.
            AlreadyWithdrawnError: It was withdrawn before.
            PeriodBilledError: Drafts, held or approved bills of the point say days of it.
        """
        need_reason(reason)
        if named.start.tzinfo is None:
            message = f"{named.start.isoformat()} has no UTC offset."
            raise InvalidValueError(message, value=named.start)
        async with self._begin() as registry:
            await registry.hold([named.point], [])
            await self.installation_in(registry, named, reason)

    async def installation_in(
        self, registry: RegistryTransaction, named: NamedInstallation, reason: str
    ) -> None:
        """See `installation`; the point is held."""
        installation = await self._installation(registry, named)
        point = await registry.point(installation.point)
        zone = "UTC" if point is None else point.zone
        first, end = days_of_installation(None, installation, zone)
        drafted = await registry.not_issued(installation.point, first, end)
        if drafted is not None:
            message = (
                f"Days from {drafted[0]} to {drafted[1]} of {installation.point} are in bills"
                " that are not issued, so its meter cannot be withdrawn."
            )
            raise PeriodBilledError(message, value=drafted[0], remedy=f"{_DRAFTS}.")
        about = InputKind.POINT, installation.point
        self.concerned = await registry.concerned(*about, first, end)
        await registry.withdraw_installation(named)
        await registry.queue_for_validation(installation, self.clock())
        subject = f"{installation.manufacturer}/{installation.serial}"
        said = installation_said(installation) or {}
        await self._note(registry, ("installation", subject), said, reason)

    async def _agreement(
        self, registry: RegistryTransaction, named: NamedAgreement
    ) -> AgreementRecord:
        meant = [
            agreement
            for agreement in await registry.agreements(named.point)
            if (agreement.account, agreement.first) == (named.account, named.first)
            and named.service in {None, agreement.service}
        ]
        if len(meant) > 1:
            message = f"{named} has agreements for {len(meant)} services."
            raise RegistryConflictError(message, value=str(named), remedy="Name the service.")
        if not meant:
            same = {"service": named.service} if named.service else {}
            raise await _nothing(registry, "agreement", str(named), same)
        return meant[0]

    async def _installation(
        self, registry: RegistryTransaction, named: NamedInstallation
    ) -> InstallationRecord:
        key = named.manufacturer, named.serial, named.start
        for installation in await registry.installations(named.point):
            if (installation.manufacturer, installation.serial, installation.start) == key:
                return installation
        raise await _nothing(registry, "installation", str(named), {"point": named.point})

    async def _note(
        self, registry: RegistryTransaction, about: tuple[str, str], said: Said, reason: str
    ) -> None:
        kind, subject = about
        now = self.clock()
        note = DecisionNote(self.actor, reason, now)
        withdrawn = {**said, "withdrawn": True}
        await registry.keep_revision((kind, revised(kind, subject, said)), said, withdrawn, note)
        detail = change({**said, "withdrawn": False}, {"withdrawn": True}, reason)
        await registry.audit(now, self.actor, f"{kind}.withdrawn", subject, detail)


async def _leave_occupancy(
    registry: RegistryTransaction,
    agreement: AgreementRecord,
    others: Sequence[AgreementRecord],
    now: datetime,
) -> None:
    """Take an agreement out of its occupancy, and put those that are left into theirs."""
    occupancies = await registry.occupancies(agreement)
    for occupancy in occupancies:
        if agreement.first in occupancy.agreements:
            await _refuse_resting(registry, agreement, occupancy)
            await _refuse_last(registry, agreement, occupancy)
    left = {other.first: other for other in others if other.first != agreement.first}
    spans = [AgreedDays(other.first, other.end, other.billing_from) for other in left.values()]
    before = [
        replace(
            occupancy,
            agreements=tuple(first for first in occupancy.agreements if first != agreement.first),
        )
        for occupancy in occupancies
    ]
    belonged = {first: occupancy.id for occupancy in occupancies for first in occupancy.agreements}
    divided = occupied(spans, before)
    for _, since in in_the_way(before, divided):
        message = f"Drafts or held bills say days from {since} on, which change their occupancy."
        raise PeriodBilledError(message, value=since, remedy=_DISCARD)
    for occupancy in divided:
        key = await registry.save_occupancy(agreement, occupancy, now)
        for first in occupancy.agreements:
            if belonged.get(first) != key:
                await registry.move_agreement(left[first], key)


async def _refuse_resting(
    registry: RegistryTransaction, agreement: AgreementRecord, occupancy: Occupancy
) -> None:
    """Refuse where bills say days of an agreement, or another system's figures open it."""
    name = f"{agreement.account} at {agreement.point} from {agreement.first}"
    begins = max(agreement.first, occupancy.billing_from)
    ends = min(agreement.end or date.max, occupancy.billed_to or date.min)
    if begins < ends:
        message = (
            f"Days from {begins} to {ends} of {name} are billed or in drafts, so it cannot be"
            " withdrawn."
        )
        raise PeriodBilledError(message, value=agreement.first, remedy=_DISCARD)
    # Who leaves on that day takes it back, and is settled by the tariff that it was left to.
    goes_on = agreement.first != occupancy.agreements[-1]
    if (
        occupancy.id is not None
        and goes_on
        and await registry.handed_over(occupancy.id, agreement.first) == agreement.tariff
    ):
        message = (
            f"The issued bill until {agreement.first} handed what it left over to"
            f" {agreement.tariff}, so {name} cannot be withdrawn."
        )
        remedy = "Let it hold, end it on a later day, and conclude the right one behind it."
        raise PeriodBilledError(message, value=agreement.first, remedy=remedy)
    opening = None if occupancy.id is None else await registry.opening(occupancy.id)
    if opening is not None and begins == occupancy.billing_from:
        message = f"{name} was taken over from another system, whose figures open its first bill."
        remedy = "End it, or correct what was imported with `import cutover`."
        raise RegistryConflictError(message, value=agreement.first, remedy=remedy)


async def _refuse_last(
    registry: RegistryTransaction, agreement: AgreementRecord, occupancy: Occupancy
) -> None:
    """Refuse where no bill would be left that settles what is the account's own."""
    if occupancy.id is None or occupancy.agreements != (agreement.first,):
        return
    left = await registry.left_to_nobody(occupancy.id)
    if not left.to_settle:
        return
    message = (
        f"{agreement.account} has ended everywhere else, and left {', '.join(left.to_settle)} to"
        f" {agreement.point}, so its agreement from {agreement.first} cannot be withdrawn."
    )
    remedy = (
        "Let it hold, and end it on a later day: its last bill settles what is left. Or conclude"
        " the right one first."
    )
    raise PeriodBilledError(message, value=agreement.first, remedy=remedy)


async def _nothing(
    registry: RegistryTransaction, kind: str, subject: str, same: dict[str, Any]
) -> NotRegisteredError | AlreadyWithdrawnError:
    """Why there is nothing to withdraw: it was withdrawn before, or never there."""
    for revision in reversed(await registry.revisions(kind, subject)):
        content = revision.content
        if revision.withdrawn and same.items() <= content.items():
            why = f": {revision.reason}" if revision.reason else ""
            at = revision.recorded_at
            when = "" if at is None else f" at {at.isoformat(timespec='seconds')}"
            message = f"The {kind} {subject} is withdrawn already{when}{why.rstrip('.')}."
            return AlreadyWithdrawnError(message, value=subject)
    remedy = f"`meterline-central registry history {kind}` shows what there is."
    message = f"The registry has no {kind} {subject}."
    return NotRegisteredError(message, value=subject, remedy=remedy)
