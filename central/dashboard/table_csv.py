"""Each table of a page for a spreadsheet: the page's query, columns and permissions.

How it works: `?csv=NAME` at a page's address asks for the page itself, then for the pages of the
list that follow, as whoever asks may see them, and writes what the table of that name says. It is
written as it is read, so that a long list costs no more memory than a page of it.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central.dashboard.language import language_of, marked
from central.dashboard.page_tables import PageTable, TableColumns, read_table
from central.service.spreadsheet import harmless_cell
from firmware_bridge.contract.errors import OperatorError

PARAMETER: Final = "csv"
PLAIN: Final = "meterline.plain"
"""Set in the scope of a page whose values are written for machines."""
_OK: Final = 200
_NAME_MAX: Final = 60
_PASSED_ON: Final = {b"set-cookie", b"vary", b"content-language"}


class TableCutShortError(OperatorError):
    """A page of a list could not be read while its table was sent."""

    code = "TABLE_CUT_SHORT"
    default_remedy = "Sign in again if the session has ended, then download the table again."


class TableCsvMiddleware:
    """ASGI middleware: answers a page's address with `?csv=NAME` with that table as CSV.

    Args:
        app: What serves the pages, and says who may see them.
        apart: Beginnings of paths that are no pages.
    """

    def __init__(self, app: ASGIApp, apart: Sequence[str] = ()) -> None:
        self._app = app
        self._apart = tuple(apart)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        name = self._wanted(scope)
        if name is None:
            await self._app(scope, receive, send)
            return
        query = [pair for pair in _query(scope["query_string"].decode()) if pair[0] != PARAMETER]
        page = await self._page(scope, urlencode(query))
        if page.status != _OK:
            await page.resend(send)
            return
        table = read_table(page.text, name)
        if table is not None and table.first:
            page = await self._page(scope, urlsplit(table.first).query)
            table = read_table(page.text, name)
        if table is None:
            message = f"This page has no table {name!r} now. Open the page and follow its link."
            await PlainTextResponse(message, status_code=404)(scope, receive, send)
            return
        await self._send(scope, receive, send, page, name, table)

    def _wanted(self, scope: Scope) -> str | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        if scope["path"].startswith(self._apart):
            return None
        given = dict(_query(scope["query_string"].decode("latin-1"))).get(PARAMETER, "")
        return given if 0 < len(given) <= _NAME_MAX else None

    async def _page(self, scope: Scope, query: str) -> _Page:
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        asked = {
            **scope,
            "query_string": query.encode(),
            "headers": headers,
            "state": dict(scope.get("state", {})),
            PLAIN: True,
        }
        page = _Page()
        await self._app(asked, _no_body, page.take)
        return page

    async def _send(  # noqa: PLR0913, PLR0917 - the three of ASGI, and what was read
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        page: _Page,
        name: str,
        table: PageTable,
    ) -> None:
        passed_on = [pair for pair in page.headers if pair[0].lower() in _PASSED_ON]
        file = "".join(letter if letter.isalnum() else "-" for letter in name)
        headers = [
            (b"content-type", b"text/csv; charset=utf-8"),
            (b"content-disposition", f'attachment; filename="{file}.csv"'.encode("latin-1")),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send(
            {"type": "http.response.start", "status": _OK, "headers": [*headers, *passed_on]}
        )
        gone = asyncio.create_task(_until_gone(receive))
        try:
            async for text in self._texts(scope, name, table, page.unit):
                if gone.done():
                    return
                body = text.encode()
                await send({"type": "http.response.body", "body": body, "more_body": True})
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _texts(
        self, scope: Scope, name: str, table: PageTable, unit: str
    ) -> AsyncIterator[str]:
        columns = TableColumns(table, unit)
        yield _written([columns.heading])
        following: PageTable | None = table
        while following is not None:
            yield _written([columns.cells(row) for row in following.rows])
            if not following.following:
                return
            page = await self._page(scope, urlsplit(following.following).query)
            if page.status != _OK:
                # What was sent is not all, so the answer must not look whole.
                message = f"The next page of {name!r} was answered with {page.status}."
                raise TableCutShortError(message, value=page.status)
            following = read_table(page.text, name)


@dataclass(slots=True)
class _Page:
    """What the application answered."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def unit(self) -> str:
        """The word for a unit in the language of the page."""
        code = dict(self.headers).get(b"content-language", b"en").decode("latin-1")
        return language_of(code).gettext(marked("unit"))

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def resend(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": bytes(self.body)})


def _query(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([harmless_cell(cell) for cell in row])
    return text.getvalue()


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
