"""Enrol and revoke gateways, their epochs and their meters' homes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from central.domain.actor import Actor
from central.service.ingest.handshake import two_live_epochs_key
from central.service.ports.decisions import DecisionNote
from central.service.ports.gateways import GatewayStore
from central.service.ports.ingest_records import EpochKey, GatewayRecord
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.topics import check_new_gateway


class NoSuchGatewayError(OperatorError):
    """No gateway of that name is enrolled."""

    code = "NO_SUCH_GATEWAY"
    default_remedy = "Run `meterline-central gateway enrol NAME` first."


class NoSuchEpochError(OperatorError):
    """The gateway has no such epoch."""

    code = "NO_SUCH_EPOCH"
    default_remedy = "`gateway epochs NAME` lists those that it has."


class NoSuchMeterError(OperatorError):
    """No meter of that manufacturer and serial number has been seen."""

    code = "NO_SUCH_METER"
    default_remedy = "Check manufacturer and serial number, or wait for its first reading."


async def enrol_gateway(
    store: GatewayStore,
    name: str,
    actor: Actor,
    clock: Callable[[], datetime],
    *,
    reason: str = "",
) -> GatewayRecord:
    """Let a gateway send; a revoked one is taken back.

    Raises:
        InvalidValueError: The name cannot stand in a topic, or is reserved for the centre.
    """
    return await store.enrol(check_new_gateway(name), DecisionNote(actor, reason, clock()))


async def revoke_gateway(
    store: GatewayStore,
    name: str,
    actor: Actor,
    clock: Callable[[], datetime],
    *,
    reason: str = "",
) -> GatewayRecord:
    """Refuse everything that a gateway sends from now on.

    Raises:
        NoSuchGatewayError: It was never enrolled.
    """
    record = await store.revoke(name, DecisionNote(actor, reason, clock()))
    if record is None:
        raise no_gateway(name)
    return record


async def revoke_epoch(  # noqa: PLR0913 - what, who, when and why
    store: GatewayStore,
    name: str,
    epoch: UUID,
    actor: Actor,
    clock: Callable[[], datetime],
    *,
    reason: str = "",
) -> None:
    """Refuse one of two devices that send under one name, and end the alarm.

    Raises:
        NoSuchGatewayError: It was never enrolled.
        NoSuchEpochError: It has no such epoch.
    """
    record, note = await find_gateway(store, name), DecisionNote(actor, reason, clock())
    if not await store.revoke_epoch(EpochKey(record.id, epoch), note):
        message = f"{name} has no epoch {epoch}."
        raise NoSuchEpochError(message, value=str(epoch))
    await store.close_finding(two_live_epochs_key(name), actor, note.at)


async def move_meter(  # noqa: PLR0913, PLR0917 - what, where, who, when and why
    store: GatewayStore,
    manufacturer: str,
    serial: str,
    gateway: str,
    actor: Actor,
    clock: Callable[[], datetime],
    *,
    reason: str = "",
) -> None:
    """Give a meter a home behind another gateway; its quarantined batches can then be requeued.

    Raises:
        NoSuchGatewayError: The new home was never enrolled.
        NoSuchMeterError: The meter was never seen.
    """
    record, note = await find_gateway(store, gateway), DecisionNote(actor, reason, clock())
    if not await store.move_meter(manufacturer, serial, record.id, note):
        message = f"The meter {manufacturer}/{serial} has not reported yet."
        raise NoSuchMeterError(message, value=f"{manufacturer}/{serial}")


async def find_gateway(store: GatewayStore, name: str) -> GatewayRecord:
    """A gateway by its name.

    Raises:
        NoSuchGatewayError: It was never enrolled.
    """
    record = await store.gateway(name)
    if record is None:
        raise no_gateway(name)
    return record


def no_gateway(name: str) -> NoSuchGatewayError:
    """What a name gives that was never enrolled."""
    message = f"The gateway {name!r} is not enrolled."
    return NoSuchGatewayError(
        message, value=name, remedy="Run `meterline-central gateway enrol NAME` first."
    )
