"""Take a move back: what it began is withdrawn, and what it ended goes on as before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from central.domain.audit.change import change
from central.domain.metering.installation import RegisterFacts
from central.service.moves.errors import MovedSinceError, NoSuchMoveError
from central.service.moves.requests import MoveOutcome
from central.service.ports.decisions import DecisionNote
from central.service.ports.moves import MoveKind, MoveRecord, MoveTransaction
from central.service.ports.registry import AgreementRecord, InstallationRecord
from central.service.ports.withdrawals import NamedAgreement, NamedInstallation
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from central.service.registry.withdraw import Withdraw
from firmware_bridge.contract.obis import Obis


async def undo(
    registry: MoveTransaction, enrol: Enrol, uid: UUID, note: DecisionNote
) -> MoveOutcome:
    """Take a move back in a transaction; see `Moves.undo`."""
    record = await registry.move(uid)
    if record is None:
        message = f"There is no move {uid}."
        raise NoSuchMoveError(message, value=str(uid))
    steps = record.move.steps
    accounts = {each["account"] for name in _AGREED for each in steps[name]}
    await registry.hold([record.move.point], accounts)
    record = await registry.move(uid)
    if record is None or record.undone_at is not None:
        return MoveOutcome(Effect.UNCHANGED, uid)
    await _refuse_later(registry, record)
    withdraw = Withdraw(enrol.store, enrol.actor, enrol.clock)
    done: list[str] = []
    point = record.move.point
    for began in reversed(steps["agreements_begun"]):
        first = date.fromisoformat(began["first"])
        named = NamedAgreement(began["account"], point, first, began["service"])
        await withdraw.agreement_in(registry, named, note.reason)
        done.append(f"The agreement of {named} is withdrawn.")
    for ended in reversed(steps["agreements_ended"]):
        agreement = await _ended(registry, point, ended)
        before = None if ended["before"] is None else date.fromisoformat(ended["before"])
        await enrol.agreement_in(registry, replace(agreement, end=before))
        done.append(f"The agreement of {agreement.account} at {point} goes on.")
    concerned = []
    for went in reversed(steps["meters_in"]):
        start = datetime.fromisoformat(went["start"])
        meter = NamedInstallation(point, went["manufacturer"], went["serial"], start)
        await withdraw.installation_in(registry, meter, note.reason)
        if withdraw.concerned.count:
            concerned.append(f"{meter}: {withdraw.concerned}")
        done.append(f"The meter {went['manufacturer']}/{went['serial']} was never there.")
    for came in reversed(steps["meters_out"]):
        await enrol.installation_in(registry, await _put_back(registry, point, came))
        done.append(f"The meter {came['manufacturer']}/{came['serial']} stays.")
    await registry.undo_move(uid, note)
    detail = change({"undone": False}, {"undone": True}, note.reason)
    await registry.audit(note.at, enrol.actor, "move.undone", str(uid), detail)
    concerned += [f"{what}: {bills}" for what, bills in enrol.concerned.items()]
    return MoveOutcome(
        Effect.CHANGED,
        uid,
        steps=tuple(done),
        concerned=tuple(concerned),
        discarded=tuple(enrol.discarded),
        warnings=tuple(map(str, enrol.warnings)),
    )


_AGREED = ("agreements_ended", "agreements_begun")


async def _refuse_later(registry: MoveTransaction, record: MoveRecord) -> None:
    """Refuse where a later move of the same kind of thing rests on this one."""
    meters = record.move.kind is MoveKind.METER_EXCHANGE
    for other in await registry.moves(record.move.point):
        alike = (other.move.kind is MoveKind.METER_EXCHANGE) is meters
        if other.place > record.place and alike and (meters or _share(record, other)):
            message = f"The move {other.uid} came later and rests on {record.uid}."
            remedy = f"Take it back first: `move undo {other.uid} --reason TEXT`."
            raise MovedSinceError(message, value=str(other.uid), remedy=remedy)


def _share(record: MoveRecord, other: MoveRecord) -> bool:
    """Whether two moves touch agreements of one service."""
    return bool(_services(record) & _services(other))


def _services(record: MoveRecord) -> set[str]:
    return {each["service"] for name in _AGREED for each in record.move.steps[name]}


async def _ended(registry: MoveTransaction, point: str, ended: dict[str, Any]) -> AgreementRecord:
    """The agreement that a move ended, while it ends on that day."""
    key = ended["account"], ended["service"], date.fromisoformat(ended["first"])
    for agreement in await registry.agreements(point):
        if (agreement.account, agreement.service, agreement.first) == key:
            if agreement.end == date.fromisoformat(ended["end"]):
                return agreement
            break
    message = f"The agreement of {ended['account']} at {point} no longer ends on {ended['end']}."
    raise MovedSinceError(message, value=ended["end"], remedy="Correct it by hand.")


async def _put_back(
    registry: MoveTransaction, point: str, came: dict[str, Any]
) -> InstallationRecord:
    """A meter as it was before it came out, while it came out at that time."""
    key = came["manufacturer"], came["serial"], datetime.fromisoformat(came["start"])
    for each in await registry.installations(point):
        if (each.manufacturer, each.serial, each.start) == key:
            if each.end == datetime.fromisoformat(came["end"]):
                before = came["before"]
                registers = {obis: _facts(facts, obis, came) for obis, facts
                             in each.registers.items()}  # fmt: skip
                end = None if before is None else datetime.fromisoformat(before)
                return replace(each, end=end, registers=registers)
            break
    message = f"The meter {key[0]}/{key[1]} no longer comes out of {point} at {came['end']}."
    raise MovedSinceError(message, value=came["end"], remedy="Correct it by hand.")


def _facts(facts: RegisterFacts, obis: Obis, came: dict[str, Any]) -> RegisterFacts:
    closing = came["closing"].get(str(obis))
    return replace(facts, closing=None if closing is None else Decimal(closing))
