"""A run that is narrowed to a group or an account, on every store."""

from __future__ import annotations

from datetime import date

import pytest

from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import RunSummary
from central.service.ports.groups import GroupOf, GroupRecord, Membership, UnknownScopeError
from central.service.registry.groups import NamedGroups
from tests.support.actors import CLERK
from tests.support.books import HOURLY, Utility, month

CYCLE = Cycle(2026, 10)


async def _bill(utility: Utility, only: RunScope) -> RunSummary:
    use_case = RunBills(utility.billing, lambda: utility.now)
    run = await use_case.start(CYCLE, CLERK, RunType.REGULAR, only)
    await use_case.work(run)
    return await utility.billing.summary(run)


async def _accounts(utility: Utility, summary: RunSummary) -> list[str]:
    return [head.account for head in await utility.billing.heads(summary.run)]


async def test_a_run_is_one_of_its_scope(utility: Utility) -> None:
    edge = await utility.found(customers=4, period_s=HOURLY)
    await utility.deliver(edge, *(month(f"S{number}", period_s=HOURLY) for number in range(1, 5)))
    await utility.validate()
    groups = NamedGroups(utility.registry, CLERK, lambda: utility.now)
    await groups.add(GroupRecord("route-7", GroupOf.ACCOUNT))
    await groups.add(GroupRecord("feeder-2", GroupOf.POINT))
    since = date(2026, 9, 1)
    await groups.assign("route-7", Membership("A-1", since))
    await groups.assign("feeder-2", Membership("SP-2", since))

    route, feeder, one = (
        RunScope(group="route-7"),
        RunScope(group="feeder-2"),
        RunScope(None, "A-3"),
    )
    assert await _accounts(utility, await _bill(utility, route)) == ["A-1"]
    assert await _accounts(utility, await _bill(utility, feeder)) == ["A-2"]
    assert await _accounts(utility, await _bill(utility, one)) == ["A-3"]
    for nobody in (RunScope(group="nobody"), RunScope(None, "A-404")):
        with pytest.raises(UnknownScopeError):
            await _bill(utility, nobody)
        assert await utility.billing.find_run(CYCLE, RunType.REGULAR, nobody) is None
    await groups.add(GroupRecord("empty", GroupOf.ACCOUNT))
    for nobody in (RunScope(group="empty"), RunScope("route-7", "A-2")):
        with pytest.raises(UnknownScopeError, match="Nobody is selected by group"):
            await _bill(utility, nobody)
    rest = await _bill(utility, EVERYONE)
    assert await _accounts(utility, rest) == ["A-4"]

    narrowed = await utility.billing.find_run(CYCLE, RunType.REGULAR, route)
    assert narrowed is not None
    assert narrowed.scope == route
    assert narrowed.id != rest.run.id
    assert await utility.billing.run_of(narrowed.uid) == narrowed
    for account in ("A-1", "A-4"):
        (head,) = await utility.billing.heads_of(account, CYCLE, RunType.REGULAR)
        assert (head.account, head.period) == (account, "2026-10")
    assert await utility.billing.heads_of("A-1", CYCLE, RunType.FINAL) == ()
    assert await utility.billing.heads_of("A-1", CYCLE.previous, RunType.REGULAR) == ()
    assert await utility.billing.heads_of("A-404", CYCLE, RunType.REGULAR) == ()
    again = await _bill(utility, route)
    assert again.run.id == narrowed.id
    assert await _accounts(utility, again) == ["A-1"]


async def test_a_narrowed_run_names_held_bills_of_its_accounts_in_other_runs(
    utility: Utility,
) -> None:
    edge = await utility.found(customers=2, period_s=HOURLY)
    await utility.deliver(edge, month("S1", period_s=HOURLY))
    await utility.validate()
    assert [head.account for head in (await _bill(utility, EVERYONE)).held] == ["A-2"]
    narrowed = await _bill(utility, RunScope(None, "A-2"))
    assert (narrowed.bill_count, narrowed.held) == (0, ())
    (held,) = narrowed.held_elsewhere
    assert (held.account, held.period) == ("A-2", "2026-10")
    assert held.holds
    assert (await _bill(utility, RunScope(None, "A-1"))).held_elsewhere == ()
    assert narrowed.run.command == "meterline-central bill run --cycle 2026-10 --account A-2"
