"""Billing cycles and named groups."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Services
from central.api.routers.commands import EFFECT, Responses
from central.api.schemas.cycles import (
    AccountCycleIn,
    CycleDetailsOut,
    CycleIn,
    CycleListsIn,
    CycleOut,
    ExtensionIn,
    GroupIn,
    GroupOut,
    ListChangeOut,
    ListChangesOut,
    MembershipIn,
    MembershipOut,
    RemovalIn,
)
from central.api.schemas.writes import EffectOut
from central.service.registry.cycle_file import read_cycle_file
from central.service.registry.listings import (
    cycle_details,
    cycle_summaries,
    group_details,
    group_summaries,
)
from central.service.registry.record_changes import Effect

router = APIRouter(tags=["cycles and groups"])
_LISTS: Responses = {HTTPStatus.OK.value: {"model": ListChangesOut}}


async def _effect(order: Awaitable[Effect]) -> tuple[HTTPStatus, EffectOut]:
    effect = await order
    status = HTTPStatus.CREATED if effect is Effect.ADDED else HTTPStatus.OK
    return status, EffectOut(effect=effect)


@router.get("/cycles")
async def list_cycles(services: Services) -> list[CycleOut]:
    """List the billing cycles by name; the built-in ones are left out."""
    return [CycleOut.model_validate(row) for row in await cycle_summaries(services.registry)]


@router.get("/cycles/{cycle}")
async def get_cycle(services: Services, cycle: str) -> CycleDetailsOut:
    """Get a billing cycle with its periods and accounts."""
    return CycleDetailsOut.model_validate(await cycle_details(services.registry, cycle))


@router.post("/cycles", responses=EFFECT, response_model=None)
async def add_cycle(services: Services, once: DoOnce, order: CycleIn) -> Response:
    """Add a billing cycle of months, and list its periods two years ahead."""
    use_case = services.cycles(once.actor, order.reason)

    async def work() -> tuple[HTTPStatus, EffectOut]:
        async def added() -> Effect:
            return (await use_case.add(order.record())).effect

        return await _effect(added())

    return await once(work)


@router.post("/cycle-lists", responses=_LISTS, response_model=None)
async def write_lists(services: Services, once: DoOnce, order: CycleListsIn) -> Response:
    """Write lists of periods by hand, all or none; what is billed stays."""

    async def work() -> tuple[HTTPStatus, ListChangesOut]:
        given = read_cycle_file(order.file)
        use_case = services.cycles(once.actor, order.reason)
        changes = await use_case.put_lists(given, dry_run=order.dry_run)
        listed = [ListChangeOut.of(change) for change in changes]
        return HTTPStatus.OK, ListChangesOut(dry_run=order.dry_run, changes=listed)

    return await once(work)


@router.post("/cycle-lists/extend", responses=_LISTS, response_model=None)
async def extend_lists(services: Services, once: DoOnce, order: ExtensionIn) -> Response:
    """Continue the lists of all cycles two years ahead."""

    async def work() -> tuple[HTTPStatus, ListChangesOut]:
        changes = await services.cycles(once.actor, order.reason).extend()
        listed = [ListChangeOut.of(change) for change in changes]
        return HTTPStatus.OK, ListChangesOut(changes=listed)

    return await once(work)


@router.post("/account-cycles", responses=EFFECT, response_model=None)
async def assign_cycle(services: Services, once: DoOnce, order: AccountCycleIn) -> Response:
    """Put an account into a cycle, from a day on that is not billed yet."""
    use_case = services.cycles(once.actor, order.reason)
    return await once(lambda: _effect(use_case.assign(order.account, order.cycle, order.first)))


@router.get("/groups")
async def list_groups(services: Services) -> list[GroupOut]:
    """List the named groups."""
    return [GroupOut.model_validate(row) for row in await group_summaries(services.registry)]


@router.get("/groups/{group}/members")
async def list_members(services: Services, group: str) -> list[MembershipOut]:
    """List the members of a group with their days."""
    _, members = await group_details(services.registry, group)
    return [MembershipOut.of(membership) for membership in members]


@router.post("/groups", responses=EFFECT, response_model=None)
async def add_group(services: Services, once: DoOnce, order: GroupIn) -> Response:
    """Add a named group of service points or accounts."""
    use_case = services.groups(once.actor, order.reason)
    return await once(lambda: _effect(use_case.add(order.record())))


@router.post("/groups/{group}/members", responses=EFFECT, response_model=None)
async def assign_member(
    services: Services, once: DoOnce, group: str, order: MembershipIn
) -> Response:
    """Put a service point or account into a group for some days, or set the end of its days."""
    use_case = services.groups(once.actor, order.reason)
    return await once(lambda: _effect(use_case.assign(group, order.record())))


@router.post("/groups/{group}/members/remove", responses=EFFECT, response_model=None)
async def remove_member(services: Services, once: DoOnce, group: str, order: RemovalIn) -> Response:
    """Take a service point or account out of a group from a day on."""
    use_case = services.groups(once.actor, order.reason)
    return await once(lambda: _effect(use_case.remove(group, order.member, order.first)))
