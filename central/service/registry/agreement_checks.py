"""What an agreement and its tariff do not say alike: at once, not when a bill is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from central.domain.rating.inputs.agreement_facts import Fact, FactValue
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept
from central.service.ports.registry import AgreementRecord, RegistryTransaction
from firmware_bridge.contract.errors import MeterlineError

_KINDS = {"bool": "true or false", "text": "a text"}
_Version = tuple[date, TariffDocument]


@dataclass(frozen=True, slots=True)
class RegistryWarning:
    """Something that was recorded as it was asked for, and that will hold bills or change none.

    Args:
        code: Of its kind; never renamed.
        message: What it is.
        remedy: What to do.
    """

    code: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.remedy}"


async def check_agreement(
    registry: RegistryTransaction, agreement: AgreementRecord
) -> list[RegistryWarning]:
    """What holds the bills of an agreement, or changes none of them.

    Args:
        registry: The transaction.
        agreement: As it is recorded.
    """
    versions = await _versions(registry, agreement)
    point = await registry.point(agreement.point)
    warnings = [] if point is None else list(_zones(agreement, point.zone, versions))
    warnings += _missing(agreement, versions)
    for name in dict.fromkeys(fact.name for fact in agreement.facts.facts):
        facts = [fact for fact in agreement.facts.facts if fact.name == name]
        warnings += _unfit(agreement, facts, versions)
    return warnings


async def check_fact(
    registry: RegistryTransaction, agreement: AgreementRecord, fact: Fact
) -> list[RegistryWarning]:
    """What is wrong with one fact of an agreement.

    Args:
        registry: The transaction.
        agreement: Whose fact it is.
        fact: As it is recorded.
    """
    return list(_unfit(agreement, [fact], await _versions(registry, agreement)))


async def _versions(registry: RegistryTransaction, agreement: AgreementRecord) -> list[_Version]:
    """The tariff's versions that hold on a day of an agreement, with the first such day."""
    records = sorted(
        await registry.tariff_versions(agreement.tariff), key=lambda record: record.effective
    )
    ends = [record.effective for record in records[1:]] + [date.max]
    begin = max(agreement.first, agreement.billing_from or agreement.first)
    end = agreement.end or date.max
    versions = []
    for record, until in zip(records, ends, strict=True):
        first = max(begin, record.effective)
        if first < min(end, until):
            # What this release cannot read holds its bills by its own name.
            with suppress(MeterlineError):
                versions.append((first, _document(record.document)))
    return versions


@lru_cache(maxsize=64)
def _document(text: str) -> TariffDocument:
    return load_kept(text, file="tariff")


def _zones(
    agreement: AgreementRecord, zone: str, versions: Sequence[_Version]
) -> Iterator[RegistryWarning]:
    for other in dict.fromkeys(document.zone for _, document in versions):
        if other != zone:
            yield RegistryWarning(
                "TARIFF_ZONE_DIFFERS",
                f"{agreement.tariff} cuts its days in {other}, and {agreement.point} lies in"
                f" {zone}: the bills of {agreement.account} are held.",
                "Agree on a tariff of the point's zone.",
            )


def _missing(agreement: AgreementRecord, versions: Sequence[_Version]) -> Iterator[RegistryWarning]:
    named = set[str]()
    for first, document in versions:
        unset = (each for each in document.parameters if each.agreed and not each.values)
        for name, kind in (*document.needs, *((each.name, each.kind) for each in unset)):
            if name not in named and agreement.facts.at(name, first) is None:
                named.add(name)
                yield RegistryWarning(
                    "FACT_MISSING",
                    f"{agreement.tariff} needs the fact {name} ({_KINDS.get(kind, kind)}) of"
                    f" {_named(agreement)} from {first}, and bills are held until it is set.",
                    f"`meterline-central agreement fact {agreement.account} {agreement.point}"
                    f" {name} VALUE --from {first} --reason TEXT`.",
                )


def _unfit(
    agreement: AgreementRecord, facts: Sequence[Fact], versions: Sequence[_Version]
) -> Iterator[RegistryWarning]:
    """Facts of one name that no version needs, or not of that kind."""
    if not versions:
        return
    name = facts[0].name
    wanted_kinds = [_kinds_of(document) for _, document in versions]
    kinds = {kinds[name] for kinds in wanted_kinds if name in kinds}
    if not kinds:
        needed = sorted(set().union(*wanted_kinds))
        yield RegistryWarning(
            "FACT_UNKNOWN",
            f"{agreement.tariff} needs no fact {name} of {_named(agreement)}:"
            f" it needs {', '.join(needed) or 'none'}.",
            "Withdraw it with `meterline-central agreement withdraw-fact` if it is mistyped.",
        )
        return
    for fact in facts:
        if not any(_is_of(fact.value, kind) for kind in kinds):
            wanted = " or ".join(sorted(_KINDS.get(kind, f"a number of {kind}") for kind in kinds))
            yield RegistryWarning(
                "FACT_KIND",
                f"The fact {name} of {_named(agreement)} is {fact.value!s}, and {agreement.tariff}"
                f" needs {wanted}: bills are held.",
                "Set it again from the same day.",
            )
            continue
        for fault in _beyond(fact, versions):
            yield RegistryWarning(
                "FACT_OUT_OF_RANGE",
                f"The fact {name} of {_named(agreement)} {fault}: bills are held.",
                "Set it again from the same day.",
            )


def _kinds_of(document: TariffDocument) -> dict[str, str]:
    """Facts that a tariff reads of an agreement, to their kinds."""
    agreed = {each.name: each.kind for each in document.parameters if each.agreed}
    return dict(document.needs) | agreed


def _beyond(fact: Fact, versions: Sequence[_Version]) -> list[str]:
    faults = [
        each.fault_of(fact.value)
        for _, document in versions
        for each in document.parameters
        if each.agreed and each.name == fact.name
    ]
    return list(dict.fromkeys(fault for fault in faults if fault is not None))


def _is_of(value: FactValue, kind: str) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    return isinstance(value, Decimal)


def _named(agreement: AgreementRecord) -> str:
    return f"{agreement.account} at {agreement.point}"
