"""Import a customer file: all of it or nothing, and twice is once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from central.domain.tariff.load.document import load_tariff
from central.service.ports.groups import GroupOf
from central.service.ports.registry import RegistryStore
from central.service.registry.customer_file import CustomerFile
from central.service.registry.cycles import BillingCycles
from central.service.registry.groups import NamedGroups
from central.service.registry.membership_entries import MembershipImport
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol


async def import_customers(
    store: RegistryStore,
    enrol: Enrol,
    customers: CustomerFile,
    tariffs: Sequence[tuple[str, str]],
    replace_seller: str | None = None,
) -> Counter[tuple[str, Effect]]:
    """Bring the registry to what a customer file says.

    Args:
        store: Where the registry is kept.
        enrol: The use-cases, with the actor.
        customers: What to import; what it does not name stays.
        tariffs: File name and text of its tariffs.
        replace_seller: Why another seller, if one is known, is replaced; None refuses it.

    Returns:
        How many of each kind were added, changed or left as they were.

    Raises:
        InvalidValueError: A value of the file cannot be.
        SellerDiffersError: It names another seller; nothing was imported.
        PeriodBilledError: An account is billed on the day of its new cycle or later.
        RegistryConflictError: It contradicts what is there; nothing was imported.
        NotRegisteredError: It names something that is nowhere; nothing was imported.
        TariffRefusedError: A tariff is refused; nothing was imported.
    """
    done: Counter[tuple[str, Effect]] = Counter()
    cycles = BillingCycles(store, enrol.actor, enrol.clock)
    groups = NamedGroups(store, enrol.actor, enrol.clock)
    async with store.transaction(enrol.clock()) as registry:
        put = MembershipImport(registry, cycles, groups, done)
        await registry.hold(
            {point.name for point in customers.service_points}
            | {
                agreement.point
                for account in customers.accounts
                for agreement in account.agreements
            },
            {account.number for account in customers.accounts},
            {load_tariff(text, file=file).tariff for file, text in tariffs},
            settings=customers.seller is not None,
        )
        if customers.seller is not None:
            seller = customers.seller.party()
            done["seller", await enrol.seller_in(registry, seller, replace_seller)] += 1
        for file, text in tariffs:
            done["tariff", await enrol.tariff_in(registry, text, file)] += 1
        for point in customers.service_points:
            channels = tuple(channel.record() for channel in point.channels)
            effect = await enrol.point_in(registry, point.record(), channels)
            done["service point", effect] += 1
            services = tuple(service.record() for service in point.services)
            await enrol.services_in(registry, point.name, services)
            for meter in point.meters:
                record = meter.record(point.name, point.zone, point.day_start)
                done["meter", await enrol.installation_in(registry, record)] += 1
            await put.members(GroupOf.POINT, point.name, point.groups, point.installed())
        for account in customers.accounts:
            done["account", await enrol.account_in(registry, account.record())] += 1
            for agreement in account.agreements:
                record_ = agreement.record(account.number)
                done["agreement", await enrol.agreement_in(registry, record_)] += 1
            days = [agreement.start for agreement in account.agreements]
            if account.cycle is not None:
                await put.cycle(account.number, account.cycle, days)
            await put.members(GroupOf.ACCOUNT, account.number, account.groups, days)
    return done
