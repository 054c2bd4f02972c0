"""What routers take from a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query
from starlette.requests import Request

from central.api.schemas.base import PageOut, When, page_out
from central.service.billing.find_bill import find_uid
from central.service.knowledge_time import KnowledgeTime
from central.service.operator.services import OperatorServices
from central.service.views.paging import DEFAULT_LIMIT, MAX_LIMIT, Key, page_of

Row = TypeVar("Row")
Item = TypeVar("Item")


def services_of(request: Request) -> OperatorServices:
    """The ports and use-cases of the application that serves a request."""
    services = request.app.state.services
    if not isinstance(services, OperatorServices):
        message = "The application has no services."
        raise TypeError(message)
    return services


async def _given_services(request: Request) -> OperatorServices:
    # What is no coroutine is called in a thread of its own, which costs more than all it does.
    return services_of(request)


MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
Services = Annotated[OperatorServices, Depends(_given_services)]
Search = Annotated[str, Query(max_length=64, description="Select names that begin with this text.")]
Attention = Annotated[bool, Query(description="Select items that need attention only.")]
After = Annotated[str | None, Query(max_length=512, description="Cursor from the previous page.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Maximum number of items.")]
LIMIT = DEFAULT_LIMIT
UpdatedSince = Annotated[
    When | None, Query(description="Recorded or changed at this time or later.")
]


@dataclass(frozen=True, slots=True)
class ListPaging:
    """Which page of a list is asked for, of one that is read whole.

    Args:
        after: Cursor from the previous page; None for the first.
        limit: Maximum number of items.
    """

    after: str | None
    limit: int

    def __call__(
        self,
        rows: Iterable[Row],
        key: Callable[[Row], Key],
        change: Callable[[Row], Item],
        *,
        newest_first: bool = False,
    ) -> PageOut[Item]:
        """The page as it is answered; see `page_of`."""
        page = page_of(rows, key, self.after, self.limit, newest_first=newest_first)
        return page_out(page, change)


async def _paging(after: After = None, limit: Limit = LIMIT) -> ListPaging:
    return ListPaging(after, limit)


Paging = Annotated[ListPaging, Depends(_paging)]


async def services_as_of(
    services: Services,
    as_of: Annotated[
        When | None,
        Query(description="Answer as of a time, five minutes ago or earlier; default: now."),
    ] = None,
) -> OperatorServices:
    """What answers as of the time that is asked for, if one is.

    Raises:
        UnsettledTimeError: What was known then may still change.
    """
    return services.as_of(None if as_of is None else KnowledgeTime.of(as_of, services.clock()))


ServicesAsOf = Annotated[OperatorServices, Depends(services_as_of)]


async def named_bill(
    services: Services,
    bill: Annotated[str, Path(description="Identifier of the bill, or its legal number.")],
) -> str:
    """The identifier of a bill; what is no name of one is left to be not found."""
    uid = await find_uid(services.bills, bill)
    return bill if uid is None else str(uid)


Bill = Annotated[str, Depends(named_bill)]
