"""The steps of moves in one transaction: agreements end and begin, meters go out and in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from central.domain.metering.installation import RegisterFacts
from central.service.moves.reads import in_base_unit
from central.service.moves.requests import GivenRead
from central.service.ports.moves import MoveTransaction
from central.service.ports.registry import (
    AgreementRecord,
    InstallationRecord,
    NotRegisteredError,
)
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from firmware_bridge.contract.interval import MIDNIGHT
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit


@dataclass(slots=True)
class MoveSteps:
    """What a move does, step by step; each is recorded so that it can be taken back.

    Args:
        registry: The transaction.
        enrol: The use-cases of the registry, in the name of who asks.
        done: What was done, in words.
        awaited: Reads that are still to come, in words.
        agreements_ended: Which ones, and when they ended before.
        agreements_begun: Which ones.
        meters_out: Which ones, when they came out before, and their closing reads before.
        meters_in: Which ones.
        effects: Of the steps.
    """

    registry: MoveTransaction
    enrol: Enrol
    done: list[str] = field(default_factory=list)
    awaited: list[str] = field(default_factory=list)
    agreements_ended: list[dict[str, Any]] = field(default_factory=list)
    agreements_begun: list[dict[str, Any]] = field(default_factory=list)
    meters_out: list[dict[str, Any]] = field(default_factory=list)
    meters_in: list[dict[str, Any]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything was not so already."""
        return any(effect is not Effect.UNCHANGED for effect in self.effects)

    def to_json(self) -> dict[str, Any]:
        """What it takes to take it back."""
        return {
            "agreements_ended": self.agreements_ended,
            "agreements_begun": self.agreements_begun,
            "meters_out": self.meters_out,
            "meters_in": self.meters_in,
        }

    def note(self, effect: Effect, text: str) -> None:
        """Note a step, unless all was so already."""
        self.effects.append(effect)
        if effect is not Effect.UNCHANGED:
            self.done.append(text)

    async def end_agreement(self, agreement: AgreementRecord, end: date) -> None:
        """End an agreement on a day.

        Raises:
            PeriodBilledError: Days behind it are in approved or issued bills.
        """
        effect = await self.enrol.agreement_in(self.registry, replace(agreement, end=end))
        if effect is Effect.UNCHANGED:
            return
        self.agreements_ended.append(
            {
                "account": agreement.account,
                "service": agreement.service,
                "first": agreement.first.isoformat(),
                "before": None if agreement.end is None else agreement.end.isoformat(),
                "end": end.isoformat(),
            }
        )
        self.note(effect, f"{_agreed(agreement)} ends on {end}.")

    async def begin_agreement(self, agreement: AgreementRecord) -> None:
        """Conclude an agreement.

        Raises:
            NotRegisteredError: There is no such account, point, service or tariff.
            RegistryConflictError: Another has its days.
            PeriodBilledError: Issued bills have them.
        """
        effect = await self.enrol.agreement_in(self.registry, agreement)
        if effect is Effect.ADDED:
            self.agreements_begun.append(
                {
                    "account": agreement.account,
                    "service": agreement.service,
                    "first": agreement.first.isoformat(),
                }
            )
        self.note(effect, f"{_agreed(agreement)} begins on {agreement.first}.")

    async def take_out(
        self,
        installation: InstallationRecord,
        at: datetime,
        closing: Sequence[GivenRead],
        units: dict[Obis, Unit],
    ) -> None:
        """Take a meter out, with what its registers showed."""
        registers = dict(installation.registers)
        for read in closing:
            facts = registers.get(read.obis, RegisterFacts())
            value = in_base_unit(read, need_unit(installation.point, read.obis, units))
            registers[read.obis] = replace(facts, closing=value)
        ended = replace(installation, end=at, registers=registers)
        effect = await self.enrol.installation_in(self.registry, ended)
        if effect is not Effect.UNCHANGED:
            self.meters_out.append(
                {
                    **_installed(installation),
                    "before": None if installation.end is None else installation.end.isoformat(),
                    "end": at.isoformat(),
                    "closing": {
                        str(obis): None if facts.closing is None else format(facts.closing, "f")
                        for obis, facts in installation.registers.items()
                    },
                }
            )
        self.note(effect, f"{_meter(installation)} comes out at {_instant(at)}.")

    async def put_in(self, installation: InstallationRecord) -> None:
        """Put a meter in.

        Raises:
            NotRegisteredError: It never reported, and no enrolled gateway is named.
            RegistryConflictError: It is elsewhere at that time.
        """
        effect = await self.enrol.installation_in(self.registry, installation)
        if effect is Effect.ADDED:
            self.meters_in.append(_installed(installation))
        self.note(effect, f"{_meter(installation)} goes in at {_instant(installation.start)}.")


def facts_of(
    point: str,
    moduli: Iterable[GivenRead],
    opening: Iterable[GivenRead],
    units: dict[Obis, Unit],
) -> dict[Obis, RegisterFacts]:
    """What is known of the registers of a meter that goes in.

    Args:
        point: Name.
        moduli: What they count to.
        opening: What they showed.
        units: Of the channels of the point.
    """
    facts: dict[Obis, RegisterFacts] = {}
    for read in opening:
        value = in_base_unit(read, need_unit(point, read.obis, units))
        facts[read.obis] = RegisterFacts(opening=value)
    for read in moduli:
        value = in_base_unit(read, need_unit(point, read.obis, units))
        facts[read.obis] = replace(facts.get(read.obis, RegisterFacts()), modulus=value)
    return facts


def need_unit(point: str, obis: Obis, units: dict[Obis, Unit]) -> Unit:
    """The unit of a channel of a point.

    Raises:
        NotRegisteredError: The point does not count it.
    """
    unit = units.get(obis)
    if unit is None:
        message = f"{point} does not count {obis}."
        raise NotRegisteredError(message, value=str(obis))
    return unit


async def day_start_of(registry: MoveTransaction, point: str, services: Iterable[str]) -> time:
    """When the days of some services of a point begin; of all that bill one channel, alike."""
    named = set(services)
    begins = [
        service.day_start
        for service in await registry.services(point)
        if service.name in named and service.day_start is not None
    ]
    return min(begins, default=MIDNIGHT)


def _agreed(agreement: AgreementRecord) -> str:
    service = f" for {agreement.service}" if agreement.service else ""
    return (
        f"The agreement of {agreement.account} at {agreement.point}{service}"
        f" under {agreement.tariff}"
    )


def _installed(installation: InstallationRecord) -> dict[str, Any]:
    return {
        "manufacturer": installation.manufacturer,
        "serial": installation.serial,
        "start": installation.start.isoformat(),
    }


def _meter(installation: InstallationRecord) -> str:
    return f"The meter {installation.manufacturer}/{installation.serial}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
