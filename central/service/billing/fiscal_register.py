"""Choose which fiscal register is written, verify its chains, and cancel a registration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from central.domain.actor import Actor
from central.domain.fiscal.record import ChainFault, FiscalMode, chain_faults
from central.domain.fiscal.verifactu import BillingSoftware, check_tax_number
from central.service.ports.fiscal import (
    FiscalSetting,
    FiscalStore,
    NoFiscalRecordError,
    StoredRecord,
)
from firmware_bridge.contract.errors import InvalidValueError

UNREGISTERED_SHOWN = 100


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """The chain of an issuer, gone through.

    Args:
        issuer: Tax number.
        records: How many.
        head: Hash of the last, in capitals.
        faults: Where it does not hold.
    """

    issuer: str
    records: int
    head: str
    faults: tuple[ChainFault, ...]


@dataclass(frozen=True, slots=True)
class VerifiedRegister:
    """All chains, gone through.

    Args:
        mode: Which register is written.
        chains: By issuer.
        unregistered: Numbers issued since it is written that have no registration; some of them
            where there are many.
    """

    mode: FiscalMode
    chains: tuple[VerifiedChain, ...]
    unregistered: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.unregistered and not any(chain.faults for chain in self.chains)


class FiscalRegister:
    """The use-cases.

    Args:
        store: Where the register is kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: FiscalStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def use(
        self, mode: FiscalMode, software: BillingSoftware | None, actor: Actor, reason: str
    ) -> None:
        """Write another register from now on; what is issued already stays as it is.

        Raises:
            InvalidValueError: There is no reason, or a register lacks who produced the software.
            FiscalIssuerError: The producer's tax number is none.
        """
        _require(reason)
        if (mode is FiscalMode.NONE) != (software is None):
            message = f"The register {mode.value} is said with software, or without, as it is not."
            remedy = "Name --producer and --producer-tax-number with verifactu, and none with none."
            raise InvalidValueError(message, value=mode.value, remedy=remedy)
        if software is not None:
            check_tax_number(software.producer, software.tax_number)
        await self._store.use(FiscalSetting(mode, software), actor, self._clock(), reason)

    async def records(self, number: str) -> Sequence[StoredRecord]:
        """The records of an invoice.

        Raises:
            NoFiscalRecordError: There is none.
        """
        entries = await self._store.of_number(number)
        if not entries:
            message = f"The register has no invoice {number}."
            raise NoFiscalRecordError(message, value=number)
        return entries

    async def cancel(self, number: str, actor: Actor, reason: str) -> StoredRecord:
        """Cancel a registration that was a mistake.

        Raises:
            InvalidValueError: There is no reason.
            NoFiscalRecordError: There is no such registration.
            RegistrationCancelledError: It is cancelled already.
        """
        _require(reason)
        return await self._store.cancel(number, actor, self._clock(), reason)

    async def verify(self) -> VerifiedRegister:
        """Go through all chains."""
        chains = [await self._verified(issuer) for issuer in await self._store.issuers()]
        unregistered = await self._store.unregistered(UNREGISTERED_SHOWN)
        mode = (await self._store.setting()).mode
        return VerifiedRegister(mode, tuple(chains), tuple(unregistered))

    async def _verified(self, issuer: str) -> VerifiedChain:
        entries = [entry.chained async for entry in self._store.chain(issuer)]
        head = entries[-1].sha256 if entries else ""
        return VerifiedChain(issuer, len(entries), head, tuple(chain_faults(entries)))


def _require(reason: str) -> None:
    if not reason.strip():
        message = "The register needs a reason, such as 'obliged from 2027 on'."
        raise InvalidValueError(message, value=reason)
