"""Take customers over from another billing system: all of it or nothing, and twice is once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from central.domain.billing.cutover_opening import CutoverOpening
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept
from central.service.ports.registry import AgreementRecord, RegistryTransaction
from central.service.registry.agreement_checks import RegistryWarning
from central.service.registry.cutover_file import CutoverFile, CutoverPointEntry
from central.service.registry.cutover_reads import SLACK, doubtful_read
from central.service.registry.cutover_state import owned_state, unknown_figures
from central.service.registry.occupancies import of_service
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from firmware_bridge.contract.errors import MeterlineError, OperatorError
from firmware_bridge.contract.interval import MIDNIGHT, day_start

_DAY = timedelta(days=1)


class CutoverRefusedError(OperatorError):
    """What a cut-over file says cannot be; nothing of it was imported."""

    code = "CUTOVER_REFUSED"
    default_remedy = "Correct the file and import it again; nothing of it was imported."


class _DryRunEndError(Exception):
    """Takes everything back that a dry run did."""


class _PointRefusedError(Exception):
    """Why a point cannot be taken over."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What becomes of one point of an account.

    Args:
        account: Number.
        point: Name.
        service: Name.
        billing_from: The first day that is billed here.
        opening: What its first bill opens with.
        effect: Of the import.
    """

    account: str
    point: str
    service: str
    billing_from: date
    opening: CutoverOpening
    effect: Effect


@dataclass(slots=True)
class CutoverResult:
    """What became of a file.

    Args:
        taken: Points, in the order of the file.
        numbers: Last number by series, where it was raised.
        warnings: Reads that do not go with the first readings of their meters.
    """

    taken: list[TakenOver] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    warnings: list[RegistryWarning] = field(default_factory=list)


async def import_cutover(
    enrol: Enrol, file: CutoverFile, *, reason: str = "", dry_run: bool = False
) -> CutoverResult:
    """Set where billing begins and what the first bills open with.

    Accounts, points, meters, tariffs and agreements are there already, from a customer file.

    Args:
        enrol: The use-cases of the registry, with the actor.
        file: What the other system knew.
        reason: Why, for the audit log; needed where it replaces other figures.
        dry_run: Say what would become of it, and change nothing.

    Raises:
        CutoverRefusedError: Something of it cannot be; says every reason.
        StoreUnavailableError: Try again.
    """
    result = CutoverResult()
    try:
        async with enrol.store.transaction(enrol.clock()) as registry:
            taking = _CutoverImport(registry, enrol, reason)
            await taking.everything(file, result)
            _end_if(dry_run=dry_run)
    except _DryRunEndError:
        pass
    return result


def _end_if(*, dry_run: bool) -> None:
    if dry_run:
        raise _DryRunEndError


class _CutoverImport:
    """One import in its transaction."""

    def __init__(self, registry: RegistryTransaction, enrol: Enrol, reason: str) -> None:
        self._registry = registry
        self._enrol = enrol
        self._reason = reason
        self._documents: dict[str, tuple[TariffDocument, ...]] = {}

    async def everything(self, file: CutoverFile, result: CutoverResult) -> None:
        reasons: list[str] = []
        await self._registry.hold(
            {entry.point for account in file.accounts for entry in account.points},
            {account.number for account in file.accounts},
        )
        for account in file.accounts:
            balance = account.balance
            for entry in account.points:
                name = f"{account.number} at {entry.point}"
                try:
                    taken = await self._point(account.number, entry, balance)
                    result.taken.append(taken)
                    result.warnings += await self._doubtful(entry, taken)
                except _PointRefusedError as error:
                    reasons += [f"{name}: {reason}" for reason in error.reasons]
                except MeterlineError as error:
                    reasons.append(f"{name}: {error}")
                balance = None
        for series, last in file.number_series.items():
            given = await self._registry.last_number(series)
            if last < given:
                reasons.append(f"{series}: number {given} is given, so {last} is not the last.")
            elif given and last > given and not self._reason:
                reasons.append(
                    f"{series}: number {given} is given, so {given + 1} to {last} would be left"
                    " out for ever; that needs a reason (`--reason`)."
                )
            elif last > given:
                result.numbers[series] = last
                await self._registry.save_number(series, last)
                await self._note("cutover.numbers", series, {"old": given, "new": last})
        if reasons:
            message = " ".join(reasons)
            raise CutoverRefusedError(message, value=reasons)

    async def _point(
        self, account: str, entry: CutoverPointEntry, balance: Decimal | None
    ) -> TakenOver:
        begins = entry.last_billed + _DAY
        agreement = await self._agreement(account, entry, begins)
        document = await self._document(agreement.tariff, begins)
        if document is None:
            raise _PointRefusedError(f"the tariff {agreement.tariff} has no version on {begins}.")
        opening = entry.opening(balance)
        opening = replace(opening, state=owned_state(opening.state, document, begins))
        reasons = [
            *unknown_figures(document, opening.state, begins),
            *await self._read_reasons(entry, begins),
        ]
        if reasons:
            raise _PointRefusedError(*reasons)
        occupancy, old = await self._occupancy(agreement)
        service = agreement.service or ""
        taken = TakenOver(account, entry.point, service, begins, opening, Effect.UNCHANGED)
        if (
            old is not None
            and old.to_json() == opening.to_json()
            and agreement.billing_from == begins
        ):
            return taken
        if old is not None and not self._reason.strip():
            message = "was taken over with other figures; a reason is needed to replace them."
            raise _PointRefusedError(message)
        named = replace(agreement, billing_from=begins)
        if old is not None:
            await self._registry.save_opening(occupancy, None)
        await self._enrol.agreement_in(self._registry, named)
        occupancy, _ = await self._occupancy(named)
        await self._registry.save_opening(occupancy, opening)
        detail = {"old": None if old is None else old.to_json(), "new": opening.to_json()}
        await self._note("cutover.opening", f"{account} at {entry.point}", detail)
        return replace(taken, effect=Effect.ADDED if old is None else Effect.CHANGED)

    async def _agreement(
        self, account: str, entry: CutoverPointEntry, begins: date
    ) -> AgreementRecord:
        if await self._registry.account(account) is None:
            raise _PointRefusedError(f"the registry has no account {account!r}.")
        if await self._registry.point(entry.point) is None:
            raise _PointRefusedError(f"the registry has no service point {entry.point!r}.")
        fitting = [
            agreement
            for agreement in await self._registry.agreements(entry.point)
            if agreement.account == account
            and entry.service in {None, agreement.service}
            and agreement.first <= begins
            and (agreement.end is None or begins < agreement.end)
        ]
        if not fitting:
            raise _PointRefusedError(f"there is no agreement on {begins}.")
        if len(fitting) > 1:
            services = ", ".join(sorted(str(agreement.service) for agreement in fitting))
            raise _PointRefusedError(f"name the service: {services}.")
        return fitting[0]

    async def _occupancy(self, agreement: AgreementRecord) -> tuple[int, CutoverOpening | None]:
        firsts = [other.first for other in await of_service(self._registry, agreement)]
        for occupancy in await self._registry.occupancies(agreement):
            if agreement.first not in occupancy.agreements or occupancy.id is None:
                continue
            old = await self._registry.opening(occupancy.id)
            if occupancy.billed_to is not None:
                raise _PointRefusedError(f"it is billed here until {occupancy.billed_to}.")
            if occupancy.settlement is not None:
                message = f"a bill settles what was left on {occupancy.ended_on}; discard a draft."
                raise _PointRefusedError(message)
            return occupancy.id, old
        raise AssertionError(firsts)

    async def _document(self, tariff: str, day: date) -> TariffDocument | None:
        if tariff not in self._documents:
            self._documents[tariff] = tuple(
                load_kept(version.document, file=tariff)
                for version in await self._registry.tariff_versions(tariff)
            )
        in_force = [old for old in self._documents[tariff] if old.effective <= day]
        return in_force[-1] if in_force else None

    async def _read_reasons(self, entry: CutoverPointEntry, begins: date) -> list[str]:
        point = await self._registry.point(entry.point)
        zone = "UTC" if point is None else point.zone
        at = day_start(begins, zone, await self._day_start(entry))
        counted = {channel.obis for channel in await self._registry.channels(entry.point)}
        installed = {
            f"{meter.manufacturer}/{meter.serial}": meter
            for meter in await self._registry.installations(entry.point)
            if meter.start <= at and (meter.end is None or at <= meter.end)
        }
        reasons: list[str] = []
        for read in entry.reads:
            meter = installed.get(read.meter)
            if meter is None:
                reasons.append(f"the meter {read.meter} is not installed there on {begins}.")
            elif read.obis not in counted:
                reasons.append(f"the point does not count {read.obis}.")
            else:
                facts = meter.registers.get(read.obis)
                modulus = None if facts is None else facts.modulus
                if modulus is not None and read.value >= modulus:
                    reasons.append(f"the read {read.value} is not below the modulus {modulus}.")
        seen = [(read.meter, read.obis) for read in entry.reads]
        if len(set(seen)) < len(seen):
            reasons.append("a register has two reads.")
        return reasons

    async def _doubtful(self, entry: CutoverPointEntry, taken: TakenOver) -> list[RegistryWarning]:
        point = await self._registry.point(entry.point)
        if point is None:
            return []
        at = day_start(taken.billing_from, point.zone, await self._day_start(entry))
        return [
            warning
            for read in entry.reads
            for shown in [await self._registry.first_register(read.meter, read.obis, at - SLACK)]
            for warning in doubtful_read(read, at, shown, point.capacity)
        ]

    async def _day_start(self, entry: CutoverPointEntry) -> time:
        sold = await self._registry.services(entry.point)
        begins = {service.day_start for service in sold if entry.service in {None, service.name}}
        return (begins.pop() if len(begins) == 1 else None) or MIDNIGHT

    async def _note(self, action: str, subject: str, detail: dict[str, Any]) -> None:
        detail |= {"reason": self._reason or None}
        await self._registry.audit(self._enrol.clock(), self._enrol.actor, action, subject, detail)
