"""Candidates are listed, shown with both bills and decided by command, over HTTP and by pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from typer.testing import CliRunner

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.service.billing.find_candidates import FindCandidates
from tests.support.actors import CHIEF, TRADER
from tests.support.office import NOW, TARIFF, Office
from tests.support.servers import Database

LATER = NOW + timedelta(hours=3)


@pytest.fixture
async def office(plain_filled: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """An issued bill, and a tariff that has another price since."""
    monkeypatch.setenv("METERLINE_DATABASE", plain_filled.dsn_as("meterline_app"))
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.open()
        services = made.services(lambda: LATER)
        await services.approve.one(made.bills["Okafor"], CHIEF)
        await services.issue.one(made.bills["Okafor"], CHIEF)
        dearer = TARIFF.read_text(encoding="utf-8").replace("peak: 0.", "peak: 1.")
        await services.enrol(TRADER).tariff(dearer, reason="the price was mistyped")
        await FindCandidates(services.candidates, lambda: LATER).changed()
        yield made


async def central(*arguments: object) -> Any:  # noqa: ANN401 - JSON is anything
    words = [*(str(argument) for argument in arguments), "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def test_a_candidate_is_the_same_everywhere_and_decided_by_its_page(office: Office) -> None:
    services = office.services(lambda: LATER)
    transport = httpx.ASGITransport(create_app(services, WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
        answered = (await web.get("/api/v1/correction-candidates")).json()
        assert (answered["figures"]["open"], answered["figures"]["day"]) == (1, 1)
        (candidate,) = answered["items"]
        assert candidate["bill"] == str(office.bills["Okafor"])
        assert [cause["kind"] for cause in candidate["causes"]] == ["tariff"]
        uid = candidate["candidate"]
        assert (await web.get(f"/api/v1/correction-candidates/{uid}")).json() == candidate
        told = await central("correction", "candidates")
        assert [each["candidate"] for each in told["candidates"]] == [uid]
        shown = await central("correction", "show", uid)
        (line, *_) = shown["difference"]["lines"]
        (billed,) = shown["report"]["bills"]
        assert line["difference"] in {
            each["difference"] for part in billed["parts"] for each in part["differences"]
        }
        assert ">1</a>" in (await web.get("/")).text.split("To correct")[1]
        assert uid in (await web.get("/candidates")).text
        page = (await web.get(f"/candidates/{uid}")).text
        assert page.count("As it would be") == 2 * page.count('aria-label="As it is"')
        assert line["new_amount"] in page
        assert f'href="/candidates/{uid}/decide?do=rebill"' in page
        preview = (await web.get(f"/candidates/{uid}/decide?do=leave")).text
        assert "Nothing is charged and nothing is given back." in preview
        assert '<button class="button primary" name="do" value="leave">' in preview
        assert (
            "1 bill is cancelled by a credit note"
            in (await web.get(f"/candidates/{uid}/decide?do=rebill")).text
        )
        assert (await web.get(f"/candidates/{uid}/decide?do=burn")).status_code == 422
        limit = {
            "effective": "2026-01-01",
            "cause": "exchange",
            "charge_months": 12,
            "source": "§ 1",
        }
        rule = {"name": "small", "way": "adjust", "amount": "1", "currency": "EUR", "days": 60}
        decision = {"account": candidate["account"], "way": "leave"}
        for path, order in (
            ("correction-limits", limit),
            ("correction-rules", rule),
            ("corrections", decision),
        ):
            made = await web.post(f"/api/v1/{path}", json={**order, "reason": "as agreed"})
            assert made.status_code == 201, made.text
            (listed,) = (await web.get(f"/api/v1/{path}")).json()["items"]
            assert made.json() == listed, path
        await services.correct.withdraw(UUID(listed["correction"]), CHIEF, "not yet")
        page = preview
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        odd = await web.post(f"/candidates/{uid}", data={"csrf_token": token, "do": "burn"})
        assert odd.status_code == 422
        form = {"csrf_token": token, "do": "leave", "reason": "agreed by phone"}
        assert (await web.post(f"/candidates/{uid}", data=form)).status_code == 303
        (waiting, withdrawn) = (await web.get("/api/v1/corrections")).json()["items"]
        assert withdrawn["state"] == "withdrawn"
        assert waiting["correction"] in (await central("correction", "show", uid))["correction"]
        await services.correct.approve(waiting["correction"], CHIEF)
        assert "left" in (await web.get("/candidates?show=closed")).text
        assert "Settled: left" in (await web.get(f"/candidates/{uid}")).text
        assert (await central("correction", "candidates"))["figures"]["open"] == 0
        assert (await web.get(f"/api/v1/correction-candidates/{office.bills['Iturbe']}")).json()[
            "code"
        ] == "NO_SUCH_CANDIDATE"
