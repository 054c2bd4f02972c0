"""The page of shadow bills: lines of another system beside ours, by whoever may read bills."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from html import unescape

import httpx
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.dashboard.pages.shadow_bills import TEXT_MAX
from tests.support.office import Office
from tests.support.servers import Database

PAGE = "/shadow-bills"
HEADING = "account,period,charge,label,quantity,price,amount,kind"


@pytest.fixture
async def office(plain_filled: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.open()
        yield made


@pytest.fixture
async def web(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(office.services(), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        token = re.search(r'X-Meterline-Form": "(\w+)"', (await client.get(PAGE)).text)
        assert token is not None
        client.headers["X-Meterline-Form"] = token[1]
        yield client


async def rows_of(office: Office) -> tuple[str, str, list[list[str]]]:
    """Account, period and lines of a bill, as another system would export them."""
    record = await office.services().bills.bill(office.bills["Okafor"])
    assert record is not None
    account, period = record.bill.account, str(record.bill.period)
    return (
        account,
        period,
        [
            [account, period, line.id, line.label]
            + ["" if value is None else str(value) for value in (line.quantity, line.price)]
            + [str(line.amount), "tax" if line.kind == "tax" else ""]
            for line in (entry.line for entry in record.bill.lines)
        ],
    )


def file_of(*rows: list[str]) -> str:
    return "\n".join([HEADING, *(",".join(row) for row in rows)])


def said(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


async def sent(web: httpx.AsyncClient, **form: str) -> str:
    answer = await web.post(PAGE, data=form)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_bill_that_they_billed_alike_is_equal(
    office: Office, web: httpx.AsyncClient
) -> None:
    _, _, rows = await rows_of(office)
    html = await sent(web, file=file_of(*rows))
    text = said(html)
    assert "1 of 1 bill is equal to the cent (100.0 %)" in text
    assert f"Equal {len(rows)} 0.00" in text
    assert "pill good" in html
    assert "pill warn" not in html


async def test_each_line_says_how_it_differs(office: Office, web: httpx.AsyncClient) -> None:
    account, period, rows = await rows_of(office)
    stranger = ["A-none", period, "rent", "", "", "", "5.00", ""]
    file = file_of(*rows[1:], stranger)
    html = await sent(web, file=file)
    text = said(html)
    assert "0 of 2 bills are equal to the cent (0.0 %)" in text
    assert f"Missing line 1 {chr(0x2212)}5.00" in text
    assert f"Extra line 1 +{Decimal(rows[0][6]):,}" in text
    assert "no bill here" in text
    assert f'href="/accounts?q={account}"' in html
    # What was sent stays in the form, so that it can be corrected and sent again.
    assert file in unescape(html)


async def test_most_is_never_shown_as_all(office: Office, web: httpx.AsyncClient) -> None:
    account, period, rows = await rows_of(office)
    others = [[f"A-none-{number}", period, "rent", "", "", "", "0", ""] for number in range(2)]
    text = said(await sent(web, file=file_of(*rows, *others)))
    assert "1 of 3 bills are equal to the cent (33.3 %)" in text
    # Those that differ stand first.
    assert text.index("A-none-0") < text.index(f"{account} , {period}")


async def test_its_csv_has_every_line_and_no_formula(
    office: Office, web: httpx.AsyncClient
) -> None:
    _, period, rows = await rows_of(office)
    bad = ["=1+1", period, "<script>", "", "", "", "-5.00", ""]
    file = file_of(*rows, bad)
    answer = await web.post(PAGE, data={"file": file, "as": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (*ours, last) = csv.DictReader(io.StringIO(answer.text))
    assert [line["class"] for line in ours] == ["equal"] * len(rows)
    assert (last["account"], last["their_amount"], last["class"]) == (
        *("'=1+1", "-5.00", "missing_line"),
    )
    assert "<script>" not in re.sub(r"<script [^>]*>", "", await sent(web, file=file))


async def test_their_names_and_commas_are_read(office: Office, web: httpx.AsyncClient) -> None:
    account, period, rows = await rows_of(office)
    first = rows[0]
    line = ";".join((account, period, "Energía", first[3], first[6].replace(".", ",")))
    form = {
        "file": f"account;period;charge;label;amount\n{line}",
        "names": f"name,charge\nEnergía,{first[2]}",
        "decimal_comma": "yes",
    }
    assert "Equal 1 0.00" in said(await sent(web, **form))


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"file": ""}, "Lines is empty."),
        ({"file": "account,period,charge,amount\nA-1,2026-10,energy,x"}, "line 2"),
        ({"file": "account,period\nA-1,2026-10"}, "cannot be read"),
        ({"file": "account,period,charge,amount\n", "names": "name\nx"}, "names cannot be read"),
    ],
    ids=["empty", "no number", "no column", "no names"],
)
async def test_what_cannot_be_read_is_refused(
    web: httpx.AsyncClient, form: dict[str, str], says: str
) -> None:
    answer = await web.post(PAGE, data=form)
    assert answer.status_code == 422, answer.text
    assert says in said(answer.text)


async def test_the_page_asks_for_lines(web: httpx.AsyncClient) -> None:
    answer = await web.get(PAGE)
    assert answer.status_code == 200
    assert "What they billed" in said(answer.text)
    assert f'href="{PAGE}"' in (await web.get("/")).text


async def test_a_file_as_long_as_the_page_takes_is_read(
    office: Office, web: httpx.AsyncClient
) -> None:
    account, period, rows = await rows_of(office)
    more = [account, period, "a-charge-of-theirs", "", "", "", "0.01", ""]
    count = (TEXT_MAX - len(file_of(*rows))) // (len(",".join(more)) + 1)
    text = said(await sent(web, file=file_of(*rows, *([more] * count))))
    assert f"Missing line {count:,}" in text
