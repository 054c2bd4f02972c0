"""Billing cycles and named groups."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, address_of
from central.api.parameters import LIMIT, After, Limit, Search, Services, ServicesAsOf
from central.api.routers.commands import CHANGED, Responses, effect_with, location_of
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
from central.api.schemas.effects import (
    CycleEffectOut,
    CycleMemberEffectOut,
    GroupEffectOut,
    MembershipEffectOut,
)
from central.api.schemas.writes import EffectOut
from central.service.operator.services import OperatorServices
from central.service.registry.cycle_file import read_cycle_file
from central.service.registry.listings import cycle_periods
from central.service.registry.record_changes import Effect
from central.service.views.lookup import require
from central.service.views.memberships import GroupView

router = APIRouter(tags=["cycles and groups"])
OneAccount = Annotated[str | None, Query(max_length=200, description="Number of the only account.")]
OneMember = Annotated[str | None, Query(max_length=200, description="Name of the only member.")]
_LISTS: Responses = {HTTPStatus.OK.value: {"model": ListChangesOut}}


def _status(effect: Effect) -> HTTPStatus:
    return HTTPStatus.CREATED if effect is Effect.ADDED else HTTPStatus.OK


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
async def list_cycle_accounts(  # noqa: PLR0913, PLR0917 - one parameter each
    services: ServicesAsOf,
    cycle: str,
    search: Search = "",
    account: OneAccount = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[CycleMemberOut]:
    """List the accounts that were put into a cycle, by number and day."""
    await cycle_periods(services.registry, cycle)
    page = await services.memberships.accounts(
        cycle, today=None, search=search, number=account, after=after, limit=limit
    )
    return page_out(page, CycleMemberOut.of)


@router.post("/cycles", responses=effect_with(CycleEffectOut), response_model=None)
async def add_cycle(services: Services, once: DoOnce, order: CycleIn) -> Response:
    """Add a billing cycle of months, and list its periods two years ahead."""
    use_case = services.cycles(once.actor, order.reason)

    async def work() -> tuple[HTTPStatus, CycleEffectOut]:
        effect = (await use_case.add(order.record())).effect
        cycle = CycleDetailsOut.model_validate(await cycle_periods(services.registry, order.cycle))
        path = address_of("cycles", order.cycle)
        return _status(effect), CycleEffectOut(effect=effect, location=path, cycle=cycle)

    return await once(work, location_of)


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


@router.post("/account-cycles", responses=effect_with(CycleMemberEffectOut), response_model=None)
async def assign_cycle(services: Services, once: DoOnce, order: AccountCycleIn) -> Response:
    """Put an account into a cycle, from a day on that is not billed yet."""
    use_case = services.cycles(once.actor, order.reason)

    async def work() -> tuple[HTTPStatus, CycleMemberEffectOut]:
        effect = await use_case.assign(order.account, order.cycle, order.first)
        return _status(effect), CycleMemberEffectOut(
            effect=effect,
            location=address_of("cycles", order.cycle, "accounts", account=order.account),
            assigned=CycleMemberOut.model_validate({"account": order.account, "from": order.first}),
        )

    return await once(work, location_of)


@router.get("/groups")
async def list_groups(
    services: ServicesAsOf, search: Search = "", after: After = None, limit: Limit = LIMIT
) -> PageOut[GroupOut]:
    """List the named groups by name."""
    page = await services.memberships.groups(
        today=services.clock().date(), search=search, after=after, limit=limit
    )
    return page_out(page, GroupOut.of_view)


@router.get("/groups/{group}")
async def get_group(services: ServicesAsOf, group: str) -> GroupOut:
    """Get one named group."""
    return GroupOut.of_view(await _group(services, group))


async def _group(services: OperatorServices, name: str) -> GroupView:
    return require(await services.memberships.group(name, services.clock().date()), "group", name)


@router.get("/groups/{group}/members")
async def list_members(  # noqa: PLR0913, PLR0917 - one parameter each
    services: ServicesAsOf,
    group: str,
    search: Search = "",
    member: OneMember = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[MembershipOut]:
    """List the members of a group with their days, by name and day."""
    await _group(services, group)
    page = await services.memberships.members(
        group, today=None, search=search, member=member, after=after, limit=limit
    )
    return page_out(page, MembershipOut.of)


@router.post("/groups", responses=effect_with(GroupEffectOut), response_model=None)
async def add_group(services: Services, once: DoOnce, order: GroupIn) -> Response:
    """Add a named group of service points or accounts."""
    use_case = services.groups(once.actor, order.reason)

    async def work() -> tuple[HTTPStatus, GroupEffectOut]:
        effect = await use_case.add(order.record())
        return _status(effect), GroupEffectOut(
            effect=effect,
            location=address_of("groups", order.group),
            group=GroupOut.of_view(await _group(services, order.group)),
        )

    return await once(work, location_of)


@router.post(
    "/groups/{group}/members", responses=effect_with(MembershipEffectOut), response_model=None
)
async def assign_member(
    services: Services, once: DoOnce, group: str, order: MembershipIn
) -> Response:
    """Put a service point or account into a group for some days, or set the end of its days."""
    use_case = services.groups(once.actor, order.reason)

    async def work() -> tuple[HTTPStatus, MembershipEffectOut]:
        effect = await use_case.assign(group, order.record())
        return _status(effect), MembershipEffectOut(
            effect=effect,
            location=address_of("groups", group, "members", member=order.member),
            membership=MembershipOut(member=order.member, first=order.first, end=order.end),
        )

    return await once(work, location_of)


@router.post("/groups/{group}/members/remove", responses=CHANGED, response_model=None)
async def remove_member(services: Services, once: DoOnce, group: str, order: RemovalIn) -> Response:
    """Take a service point or account out of a group from a day on."""
    use_case = services.groups(once.actor, order.reason)

    async def work() -> tuple[HTTPStatus, EffectOut]:
        effect = await use_case.remove(group, order.member, order.first)
        path = address_of("groups", group, "members", member=order.member)
        return HTTPStatus.OK, EffectOut(effect=effect, location=path)

    return await once(work)
