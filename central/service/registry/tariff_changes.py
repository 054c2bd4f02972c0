"""Add, correct and withdraw versions of tariffs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from central.service.ports.registry import RegistryTransaction, TariffRecord
from central.service.ports.stamps import InputKind
from central.service.registry.audited import tariff_said
from central.service.registry.record_changes import Effect, RecordChanges
from central.service.registry.tariff_revisions import next_revision, reach, withdrawal


class TariffChanges(RecordChanges):
    """The use-cases of tariffs, each in a transaction of its own or in one that is given."""

    recorded: TariffRecord | None = None
    """The version that the last document is, recorded now or before."""

    async def tariff(
        self, document: str, file: str = "tariff", reason: str | None = None
    ) -> Effect:
        """Add a version of a tariff; with a reason, correct the one of its date.

        Raises:
            TariffRefusedError: The document is refused; it says every reason.
            RegistryConflictError: There is another version of that date, and no reason.
        """
        async with self._begin() as registry:
            return await self.tariff_in(registry, document, file, reason)

    async def tariff_in(
        self,
        registry: RegistryTransaction,
        document: str,
        file: str,
        reason: str | None = None,
    ) -> Effect:
        """See `tariff`."""
        record, before = await next_revision(registry, document, file, reason)
        self.recorded = record
        if record == before:
            return Effect.UNCHANGED
        await registry.add_tariff_version(record, self.actor, self.clock(), reason)
        await self._concern_tariff(registry, record)
        old = None if before is None or before.withdrawn else tariff_said(before)
        return await self._note(registry, ("tariff", record.name), old, tariff_said(record), reason)

    async def withdraw_tariff(self, name: str, effective: date, reason: str) -> None:
        """Withdraw a version of a tariff that was entered by mistake.

        What was in force before its date holds on.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: Nothing of that date is in force.
        """
        async with self._begin() as registry:
            record = await withdrawal(registry, name, effective, reason)
            await registry.add_tariff_version(record, self.actor, self.clock(), reason)
            await self._concern_tariff(registry, record)
            old = tariff_said(replace(record, revision=record.revision - 1, withdrawn=False))
            await self._note(registry, ("tariff", name), old, tariff_said(record), reason)

    async def _concern_tariff(self, registry: RegistryTransaction, record: TariffRecord) -> None:
        days = record.effective, await reach(registry, record)
        await self._concern(registry, InputKind.TARIFF, record.name, days)
