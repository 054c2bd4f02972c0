"""Every table of every page as CSV: all rows, the page's own permissions, nothing that runs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.dashboard.page_tables import read_table
from central.dashboard.table_csv import TableCutShortError
from central.domain.access.policy import Role
from central.service.ports.people import NewPerson
from firmware_bridge.contract.errors import OperatorError
from tests.integration.central.test_web import BASE, client, crawl
from tests.support.office import NOW, Office
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

MANY = 120
HOSTILE = '=HYPERLINK("http://x")'
ACCOUNTS = """\
INSERT INTO account (uid, number, name, created_at)
SELECT gen_random_uuid(), 'N-' || lpad(n::text, 4, '0'), %s || n, '2026-01-01T00:00:00Z'
FROM generate_series(1, %s) AS n
"""


@pytest.fixture
async def office(filled: Database) -> AsyncIterator[Office]:
    async with make_pool(filled.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.open()
        yield made


def rows_of(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.reader(io.StringIO(answer.text)))


async def test_each_table_of_each_page_is_a_file_of_the_same_rows(office: Office) -> None:
    tables = 0
    async with client(office) as web:
        pages = await crawl(web)
        for address, answer in pages.items():
            if "csv=" in address or not answer.headers["content-type"].startswith("text/html"):
                continue
            for name in set(re.findall(r'data-csv="([^"]+)"', answer.text)):
                table = read_table(answer.text, name)
                assert table is not None
                link = str(httpx.URL(address).copy_set_param("csv", name))
                rows = rows_of(await web.get(link))
                assert len({len(row) for row in rows}) == 1, link
                if not table.following and not table.first:
                    assert len(rows) == 1 + len(table.rows), link
                tables += 1
        assert tables > 60
        linked = [link for link in pages if "csv=" in link]
        assert len(linked) > 40
        for link in linked:
            rows_of(pages[link])


async def test_all_pages_of_a_list_are_in_it_and_no_cell_runs(
    office: Office, filled: Database
) -> None:
    with psycopg.connect(filled.dsn) as owner:
        owner.execute(ACCOUNTS, (HOSTILE, MANY))
    async with client(office) as web:
        heading, *rows = rows_of(await web.get("/accounts?csv=accounts"))
        first = read_table((await web.get("/accounts")).text, "accounts")
        assert first is not None
        again = rows_of(await web.get(f"{first.following}&csv=accounts"))
        strange = await web.get("/accounts?csv=accounts&after=strange")
        searched = rows_of(await web.get("/accounts?csv=accounts&q=N-0007"))
    assert heading == ["Account", "Number", "Agreements today"]
    hostile = [row for row in rows if row[1].startswith("N-")]
    assert sorted(row[1] for row in hostile) == [f"N-{n:04}" for n in range(1, MANY + 1)]
    assert {row[0] for row in hostile} == {f"'{HOSTILE}{n}" for n in range(1, MANY + 1)}
    assert len({row[1] for row in rows}) == len(rows)
    # Whoever stands on the second page takes away the list, and not its end.
    assert again == [heading, *rows]
    assert strange.status_code == 400
    assert [row[1] for row in searched[1:]] == ["N-0007"]


async def test_numbers_are_written_for_programs_in_every_language(office: Office) -> None:
    async with client(office) as web:
        english = rows_of(await web.get("/runs?csv=runs"))
        spanish = rows_of(await web.get("/runs?csv=runs", headers={"accept-language": "es"}))
    assert english[0] != spanish[0]
    numbers = [cell for row in english[1:] for cell in row if re.fullmatch(r"-?[\d.,]+", cell)]
    assert numbers
    assert not [cell for cell in numbers if "," in cell]
    assert [cell for row in spanish[1:] for cell in row if cell in numbers] == numbers


async def test_a_table_that_is_not_there_is_said(office: Office) -> None:
    async with client(office) as web:
        answer = await web.get("/accounts?csv=secrets")
        ordinary = await web.get("/api/v1/accounts?csv=accounts")
    assert answer.status_code == 404
    assert "no table 'secrets'" in answer.text
    assert ordinary.headers["content-type"].startswith("application/problem+json")


async def test_whoever_may_not_see_a_page_gets_no_table_of_it(office: Office) -> None:
    services = office.services()
    app = create_app(services, WebSettings())
    await add_people(
        services.people,
        NOW,
        vera=NewPerson("vera", frozenset({Role.VIEWER})),
        carl=NewPerson("carl", frozenset({Role.CUSTOMER}), accounts=frozenset({"ES-4100"})),
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as nobody:
        assert (await nobody.get("/accounts?csv=accounts")).status_code == 303
    async with await signed_in(app, "carl", NOW) as carl:
        assert (await carl.get("/people?csv=people")).status_code == 403
        page = await carl.get("/accounts?csv=accounts")
        assert page.status_code == (await carl.get("/accounts")).status_code != 200
    async with await signed_in(app, "vera", NOW) as vera:
        assert len(rows_of(await vera.get("/accounts?csv=accounts"))) > 3


async def test_a_list_that_cannot_be_read_to_its_end_does_not_look_whole(
    office: Office, filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(filled.dsn) as owner:
        owner.execute(ACCOUNTS, ("Late ", MANY))
    services = office.services()
    listed = services.billing.accounts

    async def failing(*given: object, **named: object) -> object:
        if named["after"] is not None:
            raise RefusedError("Not now.")
        return await listed(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(services.billing, "accounts", failing)
    app = create_app(services, WebSettings())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as web:
        with pytest.raises(TableCutShortError, match="next page of 'accounts'"):
            await web.get("/accounts?csv=accounts")


class RefusedError(OperatorError):
    """What a page may answer in the middle of a list."""

    code = "REFUSED"
    default_remedy = "Ask again."
