"""What routers take from a request."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import AwareDatetime
from starlette.requests import Request

from central.service.billing.find_bill import find_uid
from central.service.operator.services import OperatorServices
from central.service.registry.tariff_revisions import require_settled
from central.service.views.paging import DEFAULT_LIMIT, MAX_LIMIT


def services_of(request: Request) -> OperatorServices:
    """The ports and use-cases of the application that serves a request."""
    services = request.app.state.services
    if not isinstance(services, OperatorServices):
        message = "The application has no services."
        raise TypeError(message)
    return services


Services = Annotated[OperatorServices, Depends(services_of)]
Search = Annotated[str, Query(max_length=64, description="Select names that begin with this text.")]
Attention = Annotated[bool, Query(description="Select items that need attention only.")]
After = Annotated[str | None, Query(max_length=512, description="Cursor from the previous page.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Maximum number of items.")]
LIMIT = DEFAULT_LIMIT


def known_time(
    services: Services,
    as_of: Annotated[
        AwareDatetime | None,
        Query(description="What was known at a time, five minutes ago or earlier."),
    ] = None,
) -> datetime | None:
    """The time of knowledge that is asked for, if one is.

    Raises:
        InvalidValueError: What was known then may still change.
    """
    require_settled(as_of, services.clock())
    return as_of


AsOf = Annotated[datetime | None, Depends(known_time)]


async def named_bill(
    services: Services,
    bill: Annotated[str, Path(description="Identifier of the bill, or its legal number.")],
) -> str:
    """The identifier of a bill; what is no name of one is left to be not found."""
    uid = await find_uid(services.bills, bill)
    return bill if uid is None else str(uid)


Bill = Annotated[str, Depends(named_bill)]
