"""The fiscal register as a store keeps it: a record for each invoice, chained by issuer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from central.domain.actor import Actor
from central.domain.fiscal.record import ChainedRecord, FiscalMode
from central.domain.fiscal.verifactu import BillingSoftware
from firmware_bridge.contract.errors import OperatorError


class NoFiscalRecordError(OperatorError):
    """The register has no such invoice."""

    code = "FISCAL_NO_RECORD"
    default_remedy = "`fiscal verify` says which issuers have a chain."


class RegistrationCancelledError(OperatorError):
    """The registration of the invoice is cancelled already."""

    code = "FISCAL_CANCELLED"
    default_remedy = "`fiscal show` shows its records."


@dataclass(frozen=True, slots=True)
class FiscalSetting:
    """Which register is written from now on.

    Args:
        mode: Which.
        software: What it says made its records; None where none is written.
    """

    mode: FiscalMode = FiscalMode.NONE
    software: BillingSoftware | None = None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is kept.

    Args:
        chained: What it says, at its place, with its hash.
        content: Its XML.
    """

    chained: ChainedRecord
    content: str


class FiscalStore(Protocol):
    """Where the register is kept. Issuing adds to it in its own transaction."""

    async def setting(self) -> FiscalSetting:
        """Which register is written."""

    async def use(self, setting: FiscalSetting, actor: Actor, at: datetime, reason: str) -> None:
        """Write another register from now on."""

    async def issuers(self) -> Sequence[str]:
        """Who has a chain."""

    def chain(self, issuer: str) -> AsyncIterator[StoredRecord]:
        """All records of an issuer, in their order."""

    async def of_number(self, number: str) -> Sequence[StoredRecord]:
        """The records of an invoice."""

    async def unregistered(self, limit: int) -> Sequence[str]:
        """Numbers issued since the register is written that have no registration."""

    async def cancel(self, number: str, actor: Actor, at: datetime, reason: str) -> StoredRecord:
        """Add the cancellation of a registration.

        Raises:
            NoFiscalRecordError: There is no such registration.
            RegistrationCancelledError: It is cancelled already.
        """
