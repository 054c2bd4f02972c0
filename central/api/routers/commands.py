"""What an operator may order. Every order is idempotent by nature, and by key where one is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce, address_of, first_bill
from central.api.parameters import Services
from central.api.schemas.base import Day
from central.api.schemas.billing import AccountOut, AgreementOut, BillOut, TariffOut
from central.api.schemas.effects import (
    AccountEffectOut,
    AgreementEffectOut,
    InstallationEffectOut,
    PointEffectOut,
    TariffEffectOut,
)
from central.api.schemas.field import InstallationOut, PointOut
from central.api.schemas.writes import (
    AccountIn,
    AgreementIn,
    CancelIn,
    CountOut,
    DiscardIn,
    EffectOut,
    InstallationIn,
    PointIn,
    ProposedOut,
    TariffIn,
    WithdrawIn,
)
from central.service.billing.approve_bills import BulkOutcome
from central.service.operator.bill_orders import approve_run, issue_run
from central.service.operator.services import OperatorServices
from central.service.registry.listings import installations_of
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from central.service.views.lookup import require

router = APIRouter(tags=["orders"])
Responses = dict[int | str, dict[str, Any]]
EFFECT: Responses = {
    HTTPStatus.OK.value: {"model": EffectOut, "description": "It existed, or was corrected."},
    HTTPStatus.CREATED.value: {"model": EffectOut, "description": "It was created."},
}


def effect_with(model: type[EffectOut]) -> Responses:
    """What a route answers whose effects say what they are about."""
    return {status: {**said, "model": model} for status, said in EFFECT.items()}


CHANGED: Responses = {HTTPStatus.OK.value: {"model": EffectOut}}
_BILL: Responses = {HTTPStatus.OK.value: {"model": BillOut}}
_COUNT: Responses = {HTTPStatus.OK.value: {"model": CountOut}}


def location_of(answer: dict[str, Any]) -> str | None:
    """Where what an order created is found."""
    location: str | None = answer.get("location")
    return location


async def _effect(
    enrol: Enrol, order: Callable[[Enrol], Awaitable[Effect]]
) -> tuple[HTTPStatus, EffectOut]:
    effect = await order(enrol)
    status = HTTPStatus.CREATED if effect is Effect.ADDED else HTTPStatus.OK
    concerned = {what: str(bills) for what, bills in enrol.concerned.items()}
    return status, EffectOut(
        effect=effect,
        concerned=concerned,
        discarded=enrol.discarded,
        warnings=list(map(str, enrol.warnings)),
    )


@router.post("/service-points", responses=effect_with(PointEffectOut), response_model=None)
async def open_point(services: Services, once: DoOnce, order: PointIn) -> Response:
    """Create a service point with its channels and services, or correct its address or capacity."""
    channels = [channel.record() for channel in order.channels]
    sold = [service.record() for service in order.services]
    enrol = services.enrol(once.actor)

    async def record(enrol: Enrol) -> Effect:
        return await enrol.service_point(order.record(), *channels, services=sold)

    async def work() -> tuple[HTTPStatus, PointEffectOut]:
        status, effect = await _effect(enrol, record)
        named = await services.field.point_named(order.name, services.clock())
        view = require(named, "service point", order.name)
        return status, PointEffectOut(
            **{**dict(effect), "location": address_of("service-points", view.point)},
            service_point=PointOut.model_validate(view),
        )

    return await once(work, location_of)


@router.post("/installations", responses=effect_with(InstallationEffectOut), response_model=None)
async def install(services: Services, once: DoOnce, order: InstallationIn) -> Response:
    """Install or remove a meter. Its readings are validated again."""
    enrol = services.enrol(once.actor)
    wanted = order.record()

    async def work() -> tuple[HTTPStatus, InstallationEffectOut]:
        status, effect = await _effect(enrol, lambda each: each.installation(wanted))
        named = await services.field.point_named(wanted.point, services.clock())
        view = require(named, "service point", wanted.point)
        key = (wanted.manufacturer, wanted.serial, wanted.start)
        installed = next(
            record
            for record in await installations_of(services.registry, wanted.point)
            if (record.manufacturer, record.serial, record.start) == key
        )
        path = address_of("service-points", view.point, "installations", serial=wanted.serial)
        return status, InstallationEffectOut(
            **{**dict(effect), "location": path}, installation=InstallationOut.of(installed)
        )

    return await once(work, location_of)


@router.post("/accounts", responses=effect_with(AccountEffectOut), response_model=None)
async def open_account(services: Services, once: DoOnce, order: AccountIn) -> Response:
    """Create an account, or correct its name and address."""
    enrol = services.enrol(once.actor)

    async def work() -> tuple[HTTPStatus, AccountEffectOut]:
        status, effect = await _effect(enrol, lambda each: each.account(order.record()))
        named = await services.billing.account_numbered(order.number, services.clock().date())
        view = require(named, "account", order.number)
        return status, AccountEffectOut(
            **{**dict(effect), "location": address_of("accounts", view.account)},
            account=AccountOut.model_validate(view),
        )

    return await once(work, location_of)


@router.post("/agreements", responses=effect_with(AgreementEffectOut), response_model=None)
async def agree(services: Services, once: DoOnce, order: AgreementIn) -> Response:
    """Create an agreement, or end it."""
    enrol = services.enrol(once.actor)

    async def work() -> tuple[HTTPStatus, AgreementEffectOut]:
        status, effect = await _effect(enrol, lambda each: each.agreement(order.record()))
        view = await services.billing.agreement_agreed(order.record())
        path = None if view is None else address_of("agreements", view.agreement)
        return status, AgreementEffectOut(
            **{**dict(effect), "location": path},
            agreement=None if view is None else AgreementOut.model_validate(view),
        )

    return await once(work, location_of)


@router.post("/tariffs", responses=effect_with(TariffEffectOut), response_model=None)
async def add_tariff(services: Services, once: DoOnce, order: TariffIn) -> Response:
    """Add a tariff version, or correct the one of its date with a reason.

    The answer to a refused document lists every fault.
    """
    enrol = services.enrol(once.actor)

    async def work() -> tuple[HTTPStatus, TariffEffectOut]:
        status, effect = await _effect(
            enrol, lambda each: each.tariff(order.document, reason=order.reason)
        )
        record = require(enrol.recorded, "tariff version", "of the document")
        named = await services.billing.tariff_version(record.name, record.effective)
        view = require(named, "tariff version", f"{record.name} of {record.effective}")
        path = address_of("tariffs", record.name, "versions", record.effective.isoformat())
        return status, TariffEffectOut(
            **{**dict(effect), "location": path}, tariff=TariffOut.model_validate(view)
        )

    return await once(work, location_of)


@router.post("/tariffs/{tariff}/{effective}/withdraw", responses=CHANGED, response_model=None)
async def withdraw_tariff(
    services: Services, once: DoOnce, tariff: str, effective: Day, order: WithdrawIn
) -> Response:
    """Withdraw a tariff version that was entered by mistake; the one before it holds on."""

    async def withdraw(enrol: Enrol) -> Effect:
        await enrol.withdraw_tariff(tariff, effective, order.reason)
        return Effect.CHANGED

    return await once(lambda: _effect(services.enrol(once.actor), withdraw))


async def _bill(services: OperatorServices, bill: str) -> tuple[HTTPStatus, BillOut]:
    view = require(await services.billing.bill(bill), "bill", bill)
    return HTTPStatus.OK, BillOut.model_validate(view)


@router.post("/bills/{bill}/approve", responses=_BILL, response_model=None)
async def approve_bill(services: Services, once: DoOnce, bill: UUID) -> Response:
    """Approve a draft bill. Whoever made it cannot approve it."""

    async def work() -> tuple[HTTPStatus, BillOut]:
        await services.approve.one(bill, once.actor)
        return await _bill(services, str(bill))

    return await once(work)


@router.post("/bills/{bill}/issue", responses=_BILL, response_model=None)
async def issue_bill(services: Services, once: DoOnce, bill: UUID) -> Response:
    """Issue an approved bill: give it its legal number. It never changes after that."""

    async def work() -> tuple[HTTPStatus, BillOut]:
        await services.issue.one(bill, once.actor)
        return await _bill(services, str(bill))

    return await once(work)


@router.post("/bills/{bill}/discard", responses=_BILL, response_model=None)
async def discard_bill(
    services: Services, once: DoOnce, bill: UUID, order: DiscardIn | None = None
) -> Response:
    """Discard a draft or held bill: the next run bills its days again."""

    async def work() -> tuple[HTTPStatus, BillOut]:
        await services.discard([bill], once.actor, (order.reason or "") if order else "")
        return await _bill(services, str(bill))

    return await once(work)


@router.post("/bills/{bill}/withdraw", responses=_BILL, response_model=None)
async def withdraw_bill(
    services: Services, once: DoOnce, bill: UUID, order: WithdrawIn
) -> Response:
    """Take the approval of a bill back before it is issued: it is a draft again."""

    async def work() -> tuple[HTTPStatus, BillOut]:
        await services.withdraw([bill], once.actor, order.reason)
        return await _bill(services, str(bill))

    return await once(work)


@router.post(
    "/bills/cancel",
    responses={HTTPStatus.CREATED.value: {"model": ProposedOut}},
    response_model=None,
)
async def cancel_bills(services: Services, once: DoOnce, order: CancelIn) -> Response:
    """Propose credit notes of issued bills, in one decision. Somebody else approves them."""

    async def work() -> tuple[HTTPStatus, ProposedOut]:
        drafts = await services.cancel(order.bills, once.actor, order.reason, order.points)
        return HTTPStatus.CREATED, ProposedOut(bills=list(drafts))

    return await once(work, first_bill)


def _counted(outcome: BulkOutcome) -> tuple[HTTPStatus, CountOut]:
    return HTTPStatus.OK, CountOut.model_validate(outcome)


@router.post("/bill-runs/{run}/approve", responses=_COUNT, response_model=None)
async def approve_bills(services: Services, once: DoOnce, run: str) -> Response:
    """Approve every draft bill of a run. Whoever started the run cannot approve them."""

    async def work() -> tuple[HTTPStatus, CountOut]:
        return _counted(await approve_run(services, run, once.actor))

    return await once(work)


@router.post("/bill-runs/{run}/issue", responses=_COUNT, response_model=None)
async def issue_bills(services: Services, once: DoOnce, run: str) -> Response:
    """Issue every approved bill of a run: give legal numbers, in order."""

    async def work() -> tuple[HTTPStatus, CountOut]:
        return _counted(await issue_run(services, run, once.actor))

    return await once(work)
