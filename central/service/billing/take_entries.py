"""Let parts of a bill consume pay-ins and grants, and say what became of each bank's money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from central.domain.billing.ledger import ONE_OFF, BankMovement, EntryKind, OpenEntry
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.one_off import OneOff
from central.domain.rating.rounding import printed
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, version_on
from central.service.billing.money_banks import lapse_months, money_banks
from central.service.billing.supply_banks import SupplyBanks, supply_banks
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import AccountWork, SupplyWork

ONE_OFF_NOT_BILLED = "ONE_OFF_NOT_BILLED"


def with_entries(work: AccountWork, tariffs: Tariffs) -> AccountWork:
    """A work whose supplies have the entries that they consume.

    An entry goes to the first supply that ends after its day, of its point where it names one, and
    whose tariff has its bank, or its taxes, in its currency. Where none does, it waits for another
    bill; so does money for a balance of the account that a settlement of one point leaves to the
    others. A charge or credit that no bill to come would take either holds the bill.
    """
    if not work.entries:
        return work
    supplies = list(work.supplies)
    for entry in work.entries:
        number = next(
            (n for n, supply in enumerate(supplies) if _takes(supply, entry, tariffs)), None
        )
        if number is not None:
            supply = supplies[number]
            supplies[number] = replace(supply, entries=(*supply.entries, entry))
            continue
        number = next((n for n, supply in enumerate(supplies) if _reaches(supply, entry)), None)
        if number is not None and entry.kind in ONE_OFF and not _waits(work, entry, tariffs):
            supply = supplies[number]
            supplies[number] = replace(supply, holds=(*supply.holds, _not_billed(entry)))
    return replace(work, supplies=tuple(supplies))


def _reaches(supply: SupplyWork, entry: OpenEntry) -> bool:
    """Whether an entry counts from a day before the end of a supply, of its point or of none.

    A settlement is the last to take a charge or credit, whatever its day.
    """
    last = supply.settles and entry.kind in ONE_OFF
    return (last or entry.day < supply.days.end) and entry.point in {"", supply.point}


def may_wait_for(work: AccountWork) -> frozenset[str]:
    """Tariffs beyond those of a bill that may bill a charge or credit which it does not."""
    posted = any(entry.kind in ONE_OFF and not entry.point for entry in work.entries)
    return work.plan.elsewhere if posted else frozenset()


def _waits(work: AccountWork, entry: OpenEntry, tariffs: Tariffs) -> bool:
    """Whether a tariff of a bill to come has the taxes of a charge or credit."""
    last = work.plan.period.days.last
    others = frozenset[str]() if entry.point else work.plan.elsewhere
    mine = {supply.tariff for supply in work.supplies}
    for name in work.plan.tariffs | mine | others:
        versions = tariffs.versions(name)
        if not versions:  # refused, which the bill says itself
            return True
        later = [version for version in versions if version.effective > last]
        if name in others:
            later += [version for version in versions if version.effective <= last][-1:]
        if any(_bills(version.document, entry) for version in later):
            return True
    return False


def _bills(document: TariffDocument, entry: OpenEntry) -> bool:
    taxes = {tax.id for tax in document.taxes}
    return taxes.issuperset(entry.taxes) and entry.currency == document.currency.code


def _not_billed(entry: OpenEntry) -> Hold:
    message = (
        f"No tariff of the account bills {entry.key!r} in {entry.currency} with the taxes"
        f" {', '.join(entry.taxes) or 'none'}. Let it lapse (`ledger post --kind expiry --of"
        f" {entry.key}`), and post it with taxes that the tariff has."
    )
    return Hold(ONE_OFF_NOT_BILLED, message, entry.key)


def _takes(supply: SupplyWork, entry: OpenEntry, tariffs: Tariffs) -> bool:
    if not _reaches(supply, entry):
        return False
    version = version_of(tariffs.versions(supply.tariff), supply)
    if version is None:
        return False
    document = version.document
    if entry.kind in ONE_OFF:
        # Others of the account are billed on, and take what is of no point.
        goes_on = supply.settles and supply.account_stays and not entry.point
        return _bills(document, entry) and not goes_on
    stays = supply.settles and supply.account_stays
    if stays and not entry.point and document.owners.get(entry.bank) is Owner.ACCOUNT:
        return False
    return entry.bank in money_banks(document) and entry.currency == document.currency.code


def version_of(versions: Sequence[TariffVersion], supply: SupplyWork) -> TariffVersion | None:
    """The version of the last day that a supply bills; None where there is none."""
    try:
        return version_on(versions, supply.said_days.last)
    except NoTariffVersionError:
        return None


def grants_of(supply: SupplyWork) -> tuple[Grant, ...]:
    """What a supply is granted; an entry of a day before it counts from its first day."""
    return tuple(
        Grant(entry.bank, max(entry.day, supply.days.first), entry.amount, entry.expires)
        for entry in supply.entries
        if entry.kind not in ONE_OFF
    )


def one_offs_of(supply: SupplyWork) -> tuple[OneOff, ...]:
    """The charges and credits that a supply bills; one of a day outside of it is of the nearest."""
    return tuple(
        OneOff(
            min(max(entry.day, supply.days.first), supply.days.last),
            entry.key,
            entry.name,
            entry.amount if entry.kind is EntryKind.CHARGE else -entry.amount,
            entry.taxes,
        )
        for entry in supply.entries
        if entry.kind in ONE_OFF
    )


def movements_of(supply: SupplyWork, rated: Rated, tariffs: Tariffs) -> tuple[BankMovement, ...]:
    """What a rated supply did to the money in its banks; banks without any are left out."""
    if not (supply.entries or supply.opening.credits or rated.closing.credits):
        return ()
    banks = supply_banks(supply, rated, tariffs)
    if banks is None:
        return ()
    names = frozenset[str]().union(*map(money_banks, banks.documents))
    earning = {
        bank.name
        for document in banks.documents
        for bank in document.money_banks
        if bank.earn is not None
    }
    movements = (
        _movement(bank, supply, rated, banks, earns=bank in earning) for bank in sorted(names)
    )
    return tuple(movement for movement in movements if any(movement[1:-1]))


def _movement(
    bank: str, supply: SupplyWork, rated: Rated, banks: SupplyBanks, *, earns: bool
) -> BankMovement:
    opened, left = banks.opened(supply.opening, bank), banks.left(rated.closing, bank)
    received = sum((entry.amount for entry in supply.entries if entry.bank == bank), Decimal(0))
    applied = _paid(rated, {bank})
    refunded = _paid(rated, {f"{bank}_settlement", f"{bank}-settlement"})
    rest = opened + Fraction(received) - Fraction(applied) - Fraction(refunded) - left
    expired = rated.expired.get(bank, Fraction(0)) if earns else rest
    return BankMovement(
        bank,
        printed(opened),
        received,
        printed(expired - rest),
        applied,
        refunded,
        printed(expired),
        printed(left),
        lapse_months(banks.documents, bank),
    )


def _paid(rated: Rated, lines: set[str]) -> Decimal:
    return -sum((line.amount for line in rated.lines if line.id in lines), Decimal(0))
