"""The web application on every database: pages, API, refusals, and who may come in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from html.parser import HTMLParser

import httpx
import psycopg
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.dashboard.pages import field as field_pages
from tests.support.office import Office
from tests.support.servers import Database
from tests.support.walked import same_by_pages

HELD = "on 2026-10-17 are missing"
TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
BASE = "http://127.0.0.1"


@pytest.fixture
async def office(filled: Database) -> AsyncIterator[Office]:
    async with make_pool(filled.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.open()
        yield made


def client(office: Office, settings: WebSettings | None = None) -> httpx.AsyncClient:
    app = create_app(office.services(), settings or WebSettings())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)


class Strict(HTMLParser):
    """Collects what a strict policy would block, and identifiers used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.blocked += [f"{tag} {name}" for name in facts if name == "style" or name[:2] == "on"]
        if tag == "style" or (tag == "script" and "src" not in facts):
            self.blocked.append(tag)
        for name in ("href", "src", "hx-get"):
            value = facts.get(name)
            if value is not None:
                self.links.append(value)
        if facts.get("id"):
            self.ids.append(str(facts["id"]))


async def crawl(web: httpx.AsyncClient, start: str = "/") -> dict[str, httpx.Response]:
    """Every page that can be reached by following links."""
    seen: dict[str, httpx.Response] = {}
    waiting = [start]
    while waiting:
        address = waiting.pop()
        # The intervals of every single day are the same page again.
        day = re.search(r"\d{4}-\d\d-(?!09|25)\d\d$", address)
        if address in seen or day or "month=" in address:
            continue
        seen[address] = answer = await web.get(address)
        if answer.headers["content-type"].startswith("text/html"):
            page = Strict()
            page.feed(answer.text)
            waiting += [link for link in page.links if link.startswith("/")]
    return seen


async def test_every_page_that_links_lead_to_is_there_and_strict(office: Office) -> None:
    async with client(office) as web:
        pages = await crawl(web)
    assert {address for address, answer in pages.items() if answer.status_code != 200} == set()
    assert {"/", "/gateways", "/meters", "/points", "/runs"} <= set(pages)
    assert sum("/lines/" in address for address in pages) > 6
    for address, answer in pages.items():
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = Strict()
        page.feed(answer.text)
        assert page.blocked == [], address
        assert len(page.ids) == len(set(page.ids)), address
        assert not [link for link in page.links if "//" in link], address
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


async def test_pages_show_what_needs_attention(office: Office) -> None:
    async with client(office) as web:
        overview = (await web.get("/")).text
        silent = (await web.get("/meters?show=attention")).text
        run = (await web.get("/api/v1/bill-runs")).json()["items"][0]
        page = (await web.get(f"/runs/{run['run']}?state=held")).text
    assert "1 silent" in overview
    assert "Missing intervals" in overview
    assert "QX-900" in silent
    assert "QX-100" not in silent
    assert (run["bills"], run["held"]) == (3, 1)
    assert HELD in page


_NEWER = """\
INSERT INTO vee_finding
    (channel_id, day, code, severity, from_at, until_at, message, evidence, raised_at)
SELECT
    channel_id, day, newer.code, 'warning', from_at, until_at, 'Newer.', '{}', raised_at + '1 h'
FROM vee_finding CROSS JOIN (VALUES ('HIGH_USE'), ('LOW_USE')) AS newer (code)
WHERE severity = 'critical'
"""


async def test_findings_say_what_when_and_where_and_how_many_more(
    office: Office, filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(filled.dsn) as owner:
        owner.execute(_NEWER)
    async with client(office) as web:
        listed = (await web.get("/api/v1/findings?limit=50")).json()["items"]
        holding = next(row for row in listed if row["severity"] == "critical")
        assert len(await same_by_pages(web, "/api/v1/findings")) >= 3
        of_meter = await same_by_pages(web, f"/api/v1/findings?meter={holding['meter']}")
        critical = [row["severity"] == "critical" for row in of_meter]
        assert critical == sorted(critical, reverse=True)
        assert len(set(critical)) == 2
        since = {"updated_since": listed[0]["found_at"]}
        newer = (await web.get("/api/v1/findings", params=since)).json()["items"]
        assert newer == [row for row in listed if row["found_at"] == listed[0]["found_at"]]
        meter = f"/meters/{holding['meter']}"
        every = (await web.get(meter)).text
        monkeypatch.setattr(field_pages, "FINDINGS", 1)
        first = (await web.get(meter)).text
    assert f'href="/exceptions/{holding["finding"]}">Missing intervals</a>' in every
    assert "holds the bill" in every
    assert f'<time datetime="{holding["start"]}">' in every
    assert "are shown" not in every
    count = every.count('<span class="code">')
    assert count > 1
    assert f"1 of {count} are shown, those first that hold a bill." in first
    assert "holds the bill" in first


async def test_a_months_columns_are_exact_and_tell_what_is_missing(office: Office) -> None:
    async with client(office) as web:
        points = (await web.get("/api/v1/service-points?search=Sanchis")).json()["items"]
        months = await web.get(
            f"/api/v1/service-points/{points[0]['point']}/intervals?month=2026-10"
        )
        month = months.json()["items"][0]
    assert month["month"] == "2026-10"
    assert month["start"] == "2026-09-30T22:00:00Z"
    assert [len(day["values"]) for day in month["days"]][23:26] == [96, 100, 96]
    values = [value for day in month["days"] for value in day["values"]]
    assert values.count(None) == month["missing"] == 22
    total = sum(Decimal(value) for value in values if value is not None)
    assert total == Decimal(month["total"]["value"])
    assert month["gaps"] == [{"start": "2026-10-17T05:30:00Z", "end": "2026-10-17T11:00:00Z"}]


async def test_the_intervals_behind_a_line_sum_to_what_it_bills(office: Office) -> None:
    bill = office.bills["Iturbe"]
    async with client(office) as web:
        lines = (await web.get(f"/api/v1/bills/{bill}/lines")).json()["items"]
        head = (await web.get(f"/api/v1/bills/{bill}")).json()
        proofs = {
            line["number"]: (
                await web.get(f"/api/v1/bills/{bill}/lines/{line['number']}/intervals")
            ).json()["proofs"]
            for line in lines
        }
    assert sum(Decimal(line["amount"]) for line in lines) == Decimal(head["amounts"]["total"])
    energy = [line for line in lines if line["charge"] == "energy"]
    assert len(energy) == 3
    counted = 0
    for line in energy:
        (proof,) = proofs[line["number"]]
        total = sum(Decimal(interval["value"]) for interval in proof["intervals"])
        assert total == Decimal(proof["total"]) == Decimal(line["quantity"])
        counted += len(proof["intervals"])
    assert counted == 31 * 96 + 4


async def test_pages_of_a_list_join_without_gap_or_double(office: Office) -> None:
    async with client(office) as web:
        for name in ("gateways", "meters", "accounts"):
            assert len(await same_by_pages(web, f"/api/v1/{name}")) >= 3, name
        bill = f"/api/v1/bills/{office.bills['Iturbe']}"
        assert len(await same_by_pages(web, f"{bill}/lines")) >= 3
        wrong = await web.get(f"{bill}/lines", params={"after": "WyJhIl0"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "CURSOR")


async def test_readings_come_in_pages_of_a_range(office: Office) -> None:
    async with client(office) as web:
        meter = (await web.get("/api/v1/meters?search=QX-100")).json()["items"][0]
        assert meter["presence"] == "reporting"
        channel = (await web.get(f"/api/v1/meters/{meter['meter']}/channels")).json()["items"][0]
        assert channel["obis"] == "1-0:1.8.0*255"
        query = {"start": "2026-11-03T08:00:00+01:00", "end": "2026-11-03T09:00:00Z", "limit": "5"}
        address = f"/api/v1/channels/{channel['channel']}/readings"
        first = (await web.get(address, params=query)).json()
        rest = (await web.get(address, params={**query, "after": first["after"]})).json()
    times = [row["at"] for row in first["items"] + rest["items"]]
    assert times == sorted(set(times))
    assert times[0] == "2026-11-03T07:00:00Z"
    assert len(times) == 8
    assert rest["after"] is None
    assert first["items"][0]["value"]["unit"] == "Wh"


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/api/v1/gateways/nobody", 404, "NOT_FOUND"),
        ("/api/v1/meters/x'; DROP TABLE meter", 404, "NOT_FOUND"),
        ("/api/v1/meters/99999999999999999999", 404, "NOT_FOUND"),
        ("/api/v1/bills/7", 404, "NOT_FOUND"),
        ("/api/v1/gateways?after=%00", 400, "BAD_TEXT"),
        ("/api/v1/gateways?search=%00", 400, "BAD_TEXT"),
        ("/api/v1/gateways/%00", 400, "BAD_TEXT"),
        ("/api/v1/gateways?limit=0", 422, "INVALID_REQUEST"),
        ("/api/v1/point-channels/1/intervals?month=2026-13", 422, "INVALID_REQUEST"),
        ("/api/v1/channels/1/readings?start=2026-10-02T00:00:00Z&end=2026-10-01T00:00:00Z",
         422, "INVALID_VALUE"),
        ("/api/v1/nothing", 404, "NOT_FOUND"),
    ],
)  # fmt: skip
async def test_refusals_are_problem_documents(
    office: Office, address: str, status: int, code: str
) -> None:
    async with client(office) as web:
        answer = await web.get(address)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["items"] == []
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code


async def test_files_are_kept_for_ever_under_their_contents_name(office: Office) -> None:
    async with client(office) as web:
        page = (await web.get("/meters/1")).text
        names = set(re.findall(r"/static/[\w.]+", page))
        assert len(names) >= 6
        for name in names:
            answer = await web.get(name)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
        assert (await web.get("/static/app.css")).status_code == 404


async def test_a_database_that_is_away_is_a_503(migrated: Database) -> None:
    async with make_pool(migrated.dsn) as pool:
        office = Office(pool)
    async with client(office) as web:
        answer = await web.get("/api/v1/health/ready")
        page = await web.get("/gateways")
    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert answer.headers["retry-after"]
    assert page.status_code == 503
    assert "<h1>" in page.text


async def test_with_a_token_nothing_is_open_before_sign_in(office: Office) -> None:
    async with client(office, WebSettings(token=TOKEN)) as web:
        asked = await web.get("/meters?q=QX")
        assert (asked.status_code, asked.headers["location"]) == (
            303,
            "/sign-in?next=/meters%3Fq%3DQX",
        )
        refused = await web.get("/api/v1/meters")
        assert (refused.status_code, refused.json()["code"]) == (401, "ACCESS")
        assert (await web.get("/api/v1/health/ready")).status_code == 200
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await web.get("/api/v1/meters", headers=bearer)).status_code == 200
        wrong = {"Authorization": "Bearer wrong"}
        assert (await web.get("/api/v1/meters", headers=wrong)).status_code == 401


@pytest.mark.parametrize("field", ["csrf_token", "proof"], ids=["now", "before"])
async def test_signing_in_needs_the_form_and_the_token(office: Office, field: str) -> None:
    async with client(office, WebSettings(token=TOKEN)) as web:
        form = (await web.get("/sign-in?next=/meters")).text
        found = re.search(r'name="csrf_token" value="(\w+)"', form)
        assert found is not None
        csrf_token = found[1]
        forged = await web.post("/sign-in", data={"token": TOKEN, field: "0" * 64})
        assert forged.status_code == 403
        wrong = await web.post("/sign-in", data={"token": "x" * 40, field: csrf_token})
        assert wrong.status_code == 403
        assert "not the operator" in wrong.text
        foreign = await web.post(
            "/sign-in",
            data={"token": TOKEN, field: csrf_token},
            headers={"Origin": "https://evil.example"},
        )
        assert foreign.status_code == 403
        right = await web.post(
            "/sign-in", data={"token": TOKEN, field: csrf_token, "next": "//evil.example"}
        )
        assert (right.status_code, right.headers["location"]) == (303, "/")
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert (await web.get("/meters")).status_code == 200


async def test_a_rebound_name_is_not_served(office: Office) -> None:
    async with client(office) as web:
        answer = await web.get("/api/v1/meters", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (421, "MISDIRECTED")
