"""What rating members of pilots and trials reads beside their use: tariffs, and their blocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta

from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.version import TariffVersion
from central.service.billing.run_bills import utc_days
from central.service.billing.tariffs import Tariffs
from central.service.ports.pilots import PilotMember, PilotTransaction

_AT_ONCE = 200
"""Members whose blocks are read together."""


async def tariffs_of(
    work: PilotTransaction,
    names: Collection[str],
    days: DayRange,
    tried: Mapping[str, TariffVersion] | None = None,
) -> Tariffs:
    """Tariffs with the series and tables that they name.

    Args:
        work: Where they are read.
        names: Of tariffs that the registry has.
        days: What is rated.
        tried: Versions that it need not have, by the names that they are asked for by.
    """
    records = await work.tariffs(names)
    tariffs = Tariffs(records, days, await work.holidays(), tried=tried or {})
    longest = max(tariffs.looks_back.values(), default=0)
    if named := tariffs.series_names:
        tariffs.set_series(await work.series(named, utc_days(days, longest)))
    if tables := tariffs.table_names:
        tariffs.set_tables(await work.tables(tables))
    return tariffs


async def with_blocks(
    work: PilotTransaction, members: Sequence[PilotMember], tariffs: Tariffs, days: DayRange
) -> AsyncIterator[tuple[PilotMember, Mapping[int, Sequence[DayBlock]]]]:
    """Members, each with the blocks of its channels on the days that its tariffs read."""
    back = timedelta(days=max(tariffs.looks_back.values(), default=0))
    read = DayRange(days.first - back, days.end)
    for begin in range(0, len(members), _AT_ONCE):
        some = members[begin : begin + _AT_ONCE]
        blocks = await work.blocks({key for each in some for key in each.channels}, read)
        for member in some:
            yield member, blocks
