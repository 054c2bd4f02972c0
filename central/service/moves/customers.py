"""Accounts come to services, leave them, or go on under another tariff, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from central.domain.billing.bill import Party
from central.service.moves.errors import (
    FutureAgreementsError,
    NotOccupiedError,
    PointOccupiedError,
)
from central.service.moves.reads import MoveInstant, store_reads
from central.service.moves.repeats import recorded
from central.service.moves.requests import AgreementChange, MoveIn, MoveOut, ReadsAtMove
from central.service.moves.steps import MoveSteps, day_start_of
from central.service.ports.moves import MoveKind, MoveRecord, MoveTransaction, NewMove
from central.service.ports.registry import AccountRecord, AgreementRecord
from central.service.registry.cycles import BillingCycles
from central.service.registry.record_changes import Effect
from central.service.registry.refusals import need
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import Obis

_DAY = timedelta(days=1)


async def move_in(steps: MoveSteps, asked: MoveIn) -> NewMove | MoveRecord:
    """Do the steps; the move to record, or the one that was recorded before."""
    registry = steps.registry
    await registry.hold([asked.point], [])
    there = await registry.agreements(asked.point)
    await registry.hold([], {asked.account, *(each.account for each in there)})
    service = asked.service or await _service_of_all(registry, asked.point)
    services = [] if service is None else [service]
    at = await _instant(registry, asked.point, asked.first, services)
    move = NewMove(MoveKind.MOVE_IN, asked.point, asked.account, at, asked.to_json(), {})
    if before := await recorded(registry, move, service):
        return before
    await _make_room(steps, asked, [each for each in there if each.service == service])
    await _correct_account(steps, asked.account, asked.party)
    agreement = AgreementRecord(
        asked.account, asked.point, asked.tariff, asked.first, asked.end, asked.facts, service
    )
    await steps.begin_agreement(agreement)
    if asked.cycle is not None:
        cycles = BillingCycles(steps.enrol.store, steps.enrol.actor, steps.enrol.clock)
        effect = await cycles.assign_in(registry, asked.account, asked.cycle, asked.first)
        steps.note(effect, f"{asked.account} is in the cycle {asked.cycle} from {asked.first}.")
    await _read(steps, move, asked.reads, services, before=False)
    return replace(move, steps=steps.to_json())


async def move_out(steps: MoveSteps, asked: MoveOut) -> NewMove | MoveRecord:
    """Do the steps; the move to record, or the one that was recorded before."""
    registry = steps.registry
    await registry.hold([asked.point], [asked.account])
    mine = await _agreements_of(registry, asked.account, asked.point, asked.service)
    services = sorted({each.service for each in mine if each.service})
    at = await _instant(registry, asked.point, asked.end, services)
    move = NewMove(MoveKind.MOVE_OUT, asked.point, asked.account, at, asked.to_json(), {})
    if before := await recorded(registry, move, asked.service):
        return before
    later = [each for each in mine if each.first >= asked.end]
    if later:
        message = (
            f"{asked.account} has an agreement at {asked.point} from {later[0].first} on, and is"
            f" to leave on {asked.end}."
        )
        remedy = (
            f"Take it back first: `agreement withdraw {asked.account} {asked.point}"
            f" {later[0].first} --reason TEXT`."
        )
        raise FutureAgreementsError(message, value=later[0].first, remedy=remedy)
    holding = [each for each in mine if (each.end or date.max) >= asked.end]
    if not holding:
        raise _not_occupied(asked.account, asked.point, asked.end)
    for each in holding:
        await steps.end_agreement(each, asked.end)
    await _correct_account(steps, asked.account, asked.party)
    await _read(steps, move, asked.reads, services, before=True)
    if steps.changed:
        steps.done.append(
            f"Its last bill, which settles what is left, is made in the night after {asked.end}"
            f" begins, or by `bill run --cycle {asked.end - _DAY:%Y-%m} --final`."
        )
    return replace(move, steps=steps.to_json())


async def change_agreement(steps: MoveSteps, asked: AgreementChange) -> NewMove | MoveRecord:
    """Do the steps; the move to record, or the one that was recorded before."""
    registry = steps.registry
    await registry.hold([asked.point], [asked.account])
    mine = await _agreements_of(registry, asked.account, asked.point, asked.service)
    services = sorted({each.service for each in mine if each.service})
    at = await _instant(registry, asked.point, asked.first, services)
    kind = MoveKind.AGREEMENT_CHANGE
    move = NewMove(kind, asked.point, asked.account, at, asked.to_json(), {})
    if earlier := await recorded(registry, move, asked.service):
        return earlier
    holding = [each for each in mine if each.first < asked.first < (each.end or date.max)]
    if len(holding) > 1:
        message = f"{asked.account} has agreements for {len(holding)} services at {asked.point}."
        raise InvalidValueError(message, value=asked.point, remedy="Name the service.")
    if not holding:
        raise _not_occupied(asked.account, asked.point, asked.first)
    (before,) = holding
    await steps.end_agreement(before, asked.first)
    facts = before.facts.merged(asked.facts)
    await steps.begin_agreement(
        replace(before, tariff=asked.tariff, first=asked.first, facts=facts, billing_from=None)
    )
    return replace(move, steps=steps.to_json())


async def _make_room(steps: MoveSteps, asked: MoveIn, there: Sequence[AgreementRecord]) -> None:
    """End the agreement of who is there, where that is asked for.

    Raises:
        PointOccupiedError: Somebody has some of the days, and does not make room.
    """
    for each in there:
        same = (each.account, each.first) == (asked.account, asked.first)
        before = each.end is not None and each.end <= asked.first
        if same or before or each.first >= (asked.end or date.max):
            continue
        mine, later = each.account == asked.account, each.first >= asked.first
        if mine or later or not asked.replaces:
            until = f" to {each.end}" if each.end else ""
            message = (
                f"{each.account} has {asked.point} from {each.first}{until}, so {asked.account}"
                f" cannot move in on {asked.first}."
            )
            remedy = "Let it move out first, or at once with `--replaces`."
            if later:
                remedy = f"Move in until then, with `--until {each.first}`."
            elif mine:
                remedy = "`move change-agreement` lets it go on under another tariff."
            raise PointOccupiedError(message, value=each.account, remedy=remedy)
        await steps.end_agreement(each, asked.first)


async def _correct_account(steps: MoveSteps, account: str, party: Party | None) -> None:
    if party is not None:
        effect = await steps.enrol.account_in(steps.registry, AccountRecord(account, party))
        steps.note(effect, f"The account {account} is {effect.value}.")


async def _agreements_of(
    registry: MoveTransaction, account: str, point: str, service: str | None
) -> list[AgreementRecord]:
    need(await registry.point(point), "service point", point)
    return [
        each
        for each in await registry.agreements(point)
        if each.account == account and service in {None, each.service}
    ]


async def _service_of_all(registry: MoveTransaction, point: str) -> str | None:
    """The service of a point that bills all it counts; None where there is none yet."""
    return next((each.name for each in await registry.services(point) if not each.channels), None)


async def _instant(
    registry: MoveTransaction, point: str, day: date, services: Sequence[str]
) -> datetime:
    """When a local day of a point begins, for some of its services."""
    record = need(await registry.point(point), "service point", point)
    return day_start(day, record.zone, await day_start_of(registry, point, services))


async def _read(
    steps: MoveSteps, move: NewMove, reads: ReadsAtMove, services: Sequence[str], *, before: bool
) -> None:
    """Store the reads of a move, of the registers that its services bill."""
    sold = [each for each in await steps.registry.services(move.point) if each.name in services]
    billed: set[Obis] = set()
    if all(each.channels for each in sold):
        billed = {obis for each in sold for obis in each.channels}
    where = MoveInstant(move.point, move.at, before)
    stored, awaited = await store_reads(
        steps.registry, where, reads, billed, clock=steps.enrol.clock
    )
    for text in stored:
        steps.note(Effect.ADDED, text)
    steps.awaited += awaited


def _not_occupied(account: str, point: str, day: date) -> NotOccupiedError:
    message = f"{account} has no agreement at {point} that holds on the day before {day}."
    return NotOccupiedError(message, value=account)
