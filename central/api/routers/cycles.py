"""Billing cycles and named groups."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import LIMIT, After, Limit, Search, Services, ServicesAsOf
from central.api.routers.commands import EFFECT, Responses
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.cycles import (
    AccountCycleIn,
    CycleDetailsOut,
    CycleIn,
    CycleListsIn,
    CycleMemberOut,
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
from central.service.registry.listings import cycle_periods
from central.service.registry.record_changes import Effect
from central.service.views.lookup import require

router = APIRouter(tags=["cycles and groups"])
_LISTS: Responses = {HTTPStatus.OK.value: {"model": ListChangesOut}}


async def _effect(order: Awaitable[Effect]) -> tuple[HTTPStatus, EffectOut]:
    effect = await order
    status = HTTPStatus.CREATED if effect is Effect.ADDED else HTTPStatus.OK
    return status, EffectOut(effect=effect)


@router.get("/cycles")
async def list_cycles(
    services: ServicesAsOf, search: Search = "", after: After = None, limit: Limit = LIMIT
) -> PageOut[CycleOut]:
    """List the billing cycles by name; the built-in ones are left out."""
    page = await services.memberships.cycles(
        today=services.clock().date(), search=search, after=after, limit=limit
    )
    return page_out(page, CycleOut.of)


@router.get("/cycles/{cycle}")
async def get_cycle(services: ServicesAsOf, cycle: str) -> CycleDetailsOut:
    """Get a billing cycle with its periods."""
    return CycleDetailsOut.model_validate(await cycle_periods(services.registry, cycle))


@router.get("/cycles/{cycle}/accounts")
async def list_cycle_accounts(
    services: ServicesAsOf,
    cycle: str,
    search: Search = "",
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[CycleMemberOut]:
    """List the accounts that were put into a cycle, by number and day."""
    await cycle_periods(services.registry, cycle)
    page = await services.memberships.accounts(
        cycle, today=None, search=search, after=after, limit=limit
    )
    return page_out(page, CycleMemberOut.of)


@router.post("/cycles", responses=EFFECT, response_model=None)
async def add_cycle(services: Services, once: DoOnce, order: CycleIn) -> Response:
    """Add a billing cycle of months, and list its periods two years ahead."""
    use_case = services.cycles(once.actor, order.reason)

    async def work() -> tuple[HTTPStatus, EffectOut]:
        async def added() -> Effect:
            return (await use_case.add(order.record())).effect

        return await _effect(added())

    return await once(work, shown_at("cycles", order.cycle))


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
    return await once(
        lambda: _effect(use_case.assign(order.account, order.cycle, order.first)),
        shown_at("cycles", order.cycle, "accounts"),
    )


@router.get("/groups")
async def list_groups(
    services: ServicesAsOf, search: Search = "", after: After = None, limit: Limit = LIMIT
) -> PageOut[GroupOut]:
    """List the named groups by name."""
    page = await services.memberships.groups(
        today=services.clock().date(), search=search, after=after, limit=limit
    )
    return page_out(page, GroupOut.of_view)


@router.get("/groups/{group}/members")
async def list_members(
    services: ServicesAsOf,
    group: str,
    search: Search = "",
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[MembershipOut]:
    """List the members of a group with their days, by name and day."""
    require(await services.memberships.group(group, services.clock().date()), "group", group)
    page = await services.memberships.members(
        group, today=None, search=search, after=after, limit=limit
    )
    return page_out(page, MembershipOut.of)


@router.post("/groups", responses=EFFECT, response_model=None)
async def add_group(services: Services, once: DoOnce, order: GroupIn) -> Response:
    """Add a named group of service points or accounts."""
    use_case = services.groups(once.actor, order.reason)
    return await once(
        lambda: _effect(use_case.add(order.record())), shown_at("groups", order.group, "members")
    )


@router.post("/groups/{group}/members", responses=EFFECT, response_model=None)
async def assign_member(
    services: Services, once: DoOnce, group: str, order: MembershipIn
) -> Response:
    """Put a service point or account into a group for some days, or set the end of its days."""
    use_case = services.groups(once.actor, order.reason)
    return await once(
        lambda: _effect(use_case.assign(group, order.record())),
        shown_at("groups", group, "members"),
    )


@router.post("/groups/{group}/members/remove", responses=EFFECT, response_model=None)
async def remove_member(services: Services, once: DoOnce, group: str, order: RemovalIn) -> Response:
    """Take a service point or account out of a group from a day on."""
    use_case = services.groups(once.actor, order.reason)
    return await once(
        lambda: _effect(use_case.remove(group, order.member, order.first)),
        shown_at("groups", group, "members"),
    )
