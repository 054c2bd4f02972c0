"""Every interval of an account as a Green Button file."""

from __future__ import annotations

from central.domain.alerts.alert_rule import AlertSubject
from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.green_button_of_days import CountedDay, green_button_of
from central.domain.rating.inputs.segments import DayRange
from central.service.operator.account_usage import COUNTED
from central.service.operator.services import OperatorServices
from central.service.ports.consumption import LoadOf
from central.service.ports.validation import PointChannelId
from central.service.views.billing import AccountView


async def account_green_button(
    services: OperatorServices, account: AccountView, days: DayRange
) -> GreenButtonFile:
    """The intervals of an account's days: validated ones, and readings of those that go on.

    Args:
        services: What is read.
        account: Whose.
        days: Local.

    Raises:
        InvalidValueError: There are too many days.
        StoreUnavailableError: Ask again.
    """
    at = services.clock()
    (so_far,) = await services.so_far(AlertSubject.ACCOUNT, account.number)
    loads = services.consumption.loads
    spans = await loads.spans(LoadOf.ACCOUNT, account.number, days, COUNTED)
    channels = {span.channel: (span.point, span.obis) for span in spans}
    metered = [
        CountedDay(*channels[PointChannelId(block.channel_id)], block, closed=True)
        async for block in loads.closed(spans)
    ]
    metered += [
        CountedDay(*channels[PointChannelId(block.channel_id)], block, closed=False)
        async for block in loads.opened(spans, at)
    ]
    return green_button_of(account.number, metered, so_far.currency, at)
