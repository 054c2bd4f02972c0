"""Whatever has a name is found by a part of it, by whoever may see it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.domain.access.policy import ROLES, Permission, Principal, Role
from central.domain.billing.bill import Party
from central.service.ports.people import NewPerson
from central.service.ports.registry import AccountRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.data import REPOSITORY
from tests.support.office import NOW, Office
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")
VIEWER = Principal(CHIEF, ROLES[Role.VIEWER])
SPELLED_OUT = {
    "Æ": "ae", "Œ": "oe", "Þ": "th", "ß": "ss", "Ø": "o", "Đ": "d", "Ð": "d", "Ł": "l", "Ħ": "h",
    "\u0131": "i", "Ŧ": "t", "Ŋ": "n",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(shared_filled: Database) -> AsyncIterator[tuple[Office, Database]]:
    async with make_pool(shared_filled.dsn, max_size=4) as pool:
        office = Office(pool)
        await office.open()
        yield office, shared_filled


def folded(text: str) -> str:
    """What the database is to make of a text, by the tables of Python."""
    marks = unicodedata.normalize("NFKD", text)
    letters = (letter for letter in marks if not unicodedata.combining(letter))
    spelled = {**SPELLED_OUT, **{key.lower(): value for key, value in SPELLED_OUT.items()}}
    return "".join(spelled.get(letter, letter.casefold()) for letter in letters)


async def found(
    office: Office, typed: str, principal: Principal = VIEWER, limit: int = 20
) -> list[str]:
    store = office.services().search_store
    parts = await store.search(principal, typed, now=NOW, limit=limit)
    return [f"{hit.kind} {hit.label}" for part in parts for hit in part.hits]


async def test_letters_are_folded_as_by_the_tables_of_unicode(
    office: tuple[Office, Database],
) -> None:
    """Also where the database's collation knows ASCII alone."""
    texts = [
        *map(chr, (*range(0x20, 0x180), *range(0x386, 0x482))),
        "Ağr\u0131 Çiğdem",
        "\uff21\uff22 \uff11",
    ]
    with psycopg.connect(office[1].dsn) as connection:
        rows = connection.execute(
            "SELECT given, folded(given) FROM unnest(%s::text[]) AS given", (texts,)
        ).fetchall()
    assert len(rows) == len(texts)
    # A sign is no letter: how it is taken apart decides nothing.
    different = {
        given: (made, folded(given))
        for given, made in rows
        if re.sub(r"\W|_", "", made) != re.sub(r"\W|_", "", folded(given))
    }
    assert different == {}


@pytest.mark.parametrize(
    ("typed", "hits"),
    [
        ("es-4100", ["account ES-4100"]),
        ("ES4100", ["account ES-4100"]),
        ("ES-410", ["account ES-4100", "account ES-4101", "account ES-4102"]),
        ("FAMÍLIA okaf", ["account ES-4102"]),
        ("calle de alcala 21", ["point Sanchis residence"]),
        ("residence ITÚRBE", ["point Iturbe residence"]),
        ("qx-101", ["meter QX-101"]),
        ("mtl qx100", ["meter QX-100"]),
        ("rooftop 01", ["gateway rooftop-01"]),
        ("rooftop elsewhere", []),
        ("", []),
        ("'; -- & | ! :* \\ %", []),
        ("x" * 500, []),
        ("o'familia\x00", []),
    ],
)
async def test_each_word_begins_one_of_what_is_found(
    office: tuple[Office, Database], typed: str, hits: list[str]
) -> None:
    assert await found(office[0], typed) == hits


async def test_whole_words_come_first_and_the_rest_is_said(
    office: tuple[Office, Database],
) -> None:
    store = office[0].services().search_store
    (part,) = await store.search(VIEWER, "es-410", now=NOW, limit=2)
    assert [hit.label for hit in part.hits] == ["ES-4100", "ES-4101"]
    assert part.more
    with psycopg.connect(office[1].dsn) as owner:
        owner.execute("INSERT INTO account (uid, number, name, created_at)"
                      " VALUES (gen_random_uuid(), 'ES-41', 'Zuletzt', now())")  # fmt: skip
        owner.commit()
        (part,) = await store.search(VIEWER, "es-41", now=NOW, limit=1)
        owner.execute("DELETE FROM account WHERE number = 'ES-41'")
        owner.execute("DELETE FROM search_entry WHERE words::text LIKE '%zuletzt%'")
    assert [hit.label for hit in part.hits] == ["ES-41"]


async def test_a_new_name_is_found_and_the_old_is_not(office: tuple[Office, Database]) -> None:
    enrol = office[0].services().enrol(CLERK)
    old = Party("Familia Iturbe", ("Madrid",))
    await enrol.account(AccountRecord("ES-4100", Party("Łukasz Ødegård", ("Straße 5",))))
    try:
        assert await found(office[0], "lukasz odegard strasse") == ["account ES-4100"]
        assert await found(office[0], "familia iturbe") == []
    finally:
        await enrol.account(AccountRecord("ES-4100", old))
    assert await found(office[0], "familia iturbe") == ["account ES-4100"]
    with psycopg.connect(office[1].dsn) as owner, owner.transaction(force_rollback=True):
        owner.execute("SELECT erase_account('ES-4102', now())")
        words = owner.execute(
            "SELECT words::text FROM search_entry JOIN account ON account.id = thing_id"
            " WHERE kind = 'account' AND number = 'ES-4102'"
        ).fetchone()
    assert words is not None
    assert "okafor" not in words[0]


async def test_nobody_finds_what_they_may_not_see(office: tuple[Office, Database]) -> None:
    installer = Principal(CHIEF, ROLES[Role.INSTALLER])
    assert await found(office[0], "okafor", installer) == ["point Okafor residence"]
    (part,) = await office[0].services().search_store.search(installer, "okafor", now=NOW, limit=9)
    assert (part.hits[0].serial, part.hits[0].account, part.hits[0].number) == ("QX-102", "", "")
    limited = Principal(CHIEF, ROLES[Role.VIEWER], accounts=frozenset({"ES-4101"}), limited=True)
    assert await found(office[0], "es-41", limited) == ["account ES-4101"]
    assert await found(office[0], "residence", limited) == ["point Sanchis residence"]
    assert await found(office[0], "qx", limited) == ["meter QX-101"]
    assert await found(office[0], "rooftop", limited) == []
    nothing = Principal(CHIEF, frozenset({Permission.SEARCH}))
    assert await found(office[0], "es-41", nothing) == []


async def test_the_page_links_what_was_found(office: tuple[Office, Database]) -> None:
    services = office[0].services()
    app = create_app(services, WebSettings())
    await add_people(
        services.people,
        NOW,
        vera=NewPerson("vera", frozenset({Role.VIEWER})),
        carl=NewPerson("carl", frozenset({Role.CUSTOMER}), accounts=frozenset({"ES-4100"})),
    )
    async with await signed_in(app, "vera", NOW) as web:
        page = await web.get("/search", params={"q": "okafor"})
        assert page.status_code == 200
        links = re.findall(r'<a href="(/(?:accounts|meters)/[^"]+)">([^<]+)</a>', page.text)
        assert [label for _, label in links] == ["ES-4102", "QX-102", "ES-4102"]
        for address, _ in links:
            assert (await web.get(address)).status_code == 200
        hostile = await web.get("/search", params={"q": '"><script>alert(1)</script>'})
        assert "<script>alert" not in hostile.text
        assert "Nothing that you may see" in hostile.text
    async with await signed_in(app, "carl", NOW) as web:
        assert (await web.get("/search", params={"q": "okafor"})).status_code == 403


async def test_what_was_there_before_is_entered_as_what_comes(
    office: tuple[Office, Database],
) -> None:
    script = next((REPOSITORY / "central" / "migrations").glob("*_search.sql"))
    entered = re.search(
        r"^INSERT INTO search_entry.*?;", script.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    everything = "SELECT kind, thing_id, words::text FROM search_entry ORDER BY kind, thing_id"
    with psycopg.connect(office[1].dsn) as owner, owner.transaction(force_rollback=True):
        came = owner.execute(everything).fetchall()
        owner.execute("DELETE FROM search_entry")
        assert entered is not None
        owner.execute(entered[0].encode())
        assert owner.execute(everything).fetchall() == came
    assert {kind for kind, _, _ in came} == {"account", "gateway", "meter", "point"}
