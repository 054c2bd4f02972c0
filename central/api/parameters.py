"""What routers take from a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import Request

from central.service.operator.services import Desk
from central.service.views.paging import DEFAULT_LIMIT, MAX_LIMIT


def desk_of(request: Request) -> Desk:
    """The ports and use-cases of the application that serves a request."""
    desk = request.app.state.desk
    if not isinstance(desk, Desk):
        message = "The application has no desk."
        raise TypeError(message)
    return desk


AtDesk = Annotated[Desk, Depends(desk_of)]
Search = Annotated[str, Query(max_length=64, description="Only those that begin so.")]
Attention = Annotated[bool, Query(description="Only those that need attention.")]
After = Annotated[str | None, Query(max_length=512, description="Cursor of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items.")]
LIMIT = DEFAULT_LIMIT
