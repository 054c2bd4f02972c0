"""Lists read page by page, to be compared with what they are as a whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from central.service.views.paging import Page

Row = TypeVar("Row")


async def walked(ask: Callable[[str | None], Awaitable[Page[Row]]]) -> list[Row]:
    """All rows of a list, from the page behind no cursor to the last."""
    page = await ask(None)
    rows = list(page.rows)
    while page.after is not None:
        page = await ask(page.after)
        rows += page.rows
    return rows


async def same_by_pages(web: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """A list of the API, which is the same whether it is read at once or one item at a time."""
    url = httpx.URL(path)
    answer = await web.get(url.copy_merge_params({"limit": "500"}))
    assert answer.status_code == 200, answer.text
    whole = answer.json()
    assert whole["after"] is None
    after, rows = None, []
    while True:
        query = {"limit": "1"} | ({"after": after} if after else {})
        page = (await web.get(url.copy_merge_params(query))).json()
        rows += page["items"]
        after = page["after"]
        if after is None:
            break
    assert rows == whole["items"]
    items: list[dict[str, Any]] = whole["items"]
    return items
