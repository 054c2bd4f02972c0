"""Figures so far follow readings as they are stored; an alert is raised once, and told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from typer.testing import CliRunner

from central.adapters.documents.invoice import render_invoice
from central.adapters.notices.sender import EndpointSender
from central.adapters.timescale.notices.notices import TimescaleNotices
from central.adapters.timescale.so_far.so_far import TimescaleSoFar
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.domain.alerts.alert_rule import AlertMeasure, AlertPeriod, AlertRule, AlertSubject
from central.domain.notices.notice import NoticeKind
from central.domain.notices.rule import EndpointKind, NoticeEndpoint, NoticeRule
from central.process.services import timescale_services
from central.service.notices.deliver import DeliverNotices
from central.service.notices.notices import Notices
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import NotRegisteredError
from central.service.registry.groups import NamedGroups
from central.service.so_far.alerts import Alerts
from central.service.so_far.figures import SoFar
from tests.support.actors import CLERK, OPERATOR
from tests.support.books import HOURLY, Utility, month, pool_of, timescale_utility
from tests.support.ingest import Edge
from tests.support.receivers import Receiver, http_receiver
from tests.support.servers import MIGRATED, Database, Template, filled

HOURS = 24
# 16:30 in Madrid: 16 hours of the eleventh are over, and 10 days before.
NOON = datetime(2026, 10, 11, 14, 30, tzinfo=UTC)
ACCOUNT, GROUP, POINT = AlertSubject.ACCOUNT, AlertSubject.GROUP, AlertSubject.POINT


async def _fill(dsn: str) -> None:
    async with timescale_utility(dsn) as utility:
        utility.now = NOON - timedelta(hours=10)
        edge = await utility.found(customers=2, period_s=HOURLY)
        for serial in ("S1", "S2"):
            # The second one uses twice as much.
            step = 250 * int(serial[1])
            readings = month(serial, step=step, period_s=HOURLY)[: 10 * HOURS + 1]
            await utility.deliver(edge, readings)
        await utility.validate()


pytestmark = pytest.mark.begins_with(Template("template_alerts", filled(_fill), MIGRATED))


@dataclass
class Alerting:
    """A utility on a day that goes on."""

    utility: Utility

    @property
    def so_far(self) -> SoFar:
        store = TimescaleSoFar(pool_of(self.utility))
        return SoFar(store, self.utility.validation, lambda: self.utility.now)

    @property
    def alerts(self) -> Alerts:
        store = TimescaleSoFar(pool_of(self.utility))
        return Alerts(store, self.so_far, lambda: self.utility.now)

    async def read(self, hours: int) -> None:
        """The next hours of the eleventh of October, of both meters."""
        edge = Edge("gw-1")
        for serial in ("S1", "S2"):
            whole = month(serial, step=250 * int(serial[1]), period_s=HOURLY)
            await self.utility.deliver(edge, whole[10 * HOURS + 1 : 10 * HOURS + 1 + hours])

    async def rule(  # noqa: PLR0913, PLR0917 - a rule
        self,
        name: str,
        measure: AlertMeasure,
        kind: AlertSubject,
        subject: str,
        threshold: str,
        period: AlertPeriod = AlertPeriod.MONTH,
    ) -> None:
        rule = AlertRule(measure, kind, subject, period, Decimal(threshold))
        await self.alerts.set_rule(name, rule, CLERK, "it is dear")


@pytest.fixture
async def alerting(migrated: Database) -> AsyncIterator[Alerting]:
    async with timescale_utility(migrated.dsn) as utility:
        utility.now = NOON
        yield Alerting(utility)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as receiver:
        yield receiver


async def test_figures_follow_readings_that_nobody_validated_yet(alerting: Alerting) -> None:
    (before,) = await alerting.so_far(ACCOUNT, "A-1")
    assert before.usage() == {
        **{date(2026, 10, day): Decimal(24) for day in range(1, 11)},
        date(2026, 10, 11): Decimal(0),
    }
    await alerting.read(16)
    (figures,) = await alerting.so_far(ACCOUNT, "A-1")
    today = date(2026, 10, 11)
    assert (figures.today, figures.currency, figures.holds) == (today, "EUR", ())
    assert figures.usage()[today] == 16
    assert figures.points["SP-1"].until == datetime(2026, 10, 11, 14, tzinfo=UTC)
    hours = figures.points["SP-1"].hours
    assert hours[datetime(2026, 10, 11, 13, tzinfo=UTC)] == 1
    assert hours[datetime(2026, 10, 11, 14, tzinfo=UTC)] == 0
    # A Sunday: 16 kWh at 0.10, the day's share of 5.00 a month, and 21 % of both, to a cent.
    assert abs(figures.cost[today] - Decimal("2.13")) <= Decimal("0.01")
    assert sum(figures.cost.values()) == _expected()
    # Validated, they are the same.
    await alerting.utility.validate()
    (again,) = await alerting.so_far(ACCOUNT, "A-1")
    assert (again.cost, again.usage()) == (figures.cost, figures.usage())


def _expected() -> Decimal:
    """Eleven days of 30, and what the hours cost: four of a day of work are dear."""
    fixed = (Decimal(5) * 11 / 30).quantize(Decimal("0.01"))
    dear = Decimal("0.30") * 4 * 7
    cheap = Decimal("0.10") * (24 * 10 + 16 - 4 * 7)
    net = fixed + dear + cheap
    return net + (net * Decimal("0.21")).quantize(Decimal("0.01"))


async def test_an_alert_is_raised_once_a_period_for_each_account_and_is_told(
    alerting: Alerting, receiver: Receiver
) -> None:
    utility = alerting.utility
    notices = Notices(TimescaleNotices(pool_of(utility)), lambda: utility.now)
    webhook = NoticeEndpoint(EndpointKind.WEBHOOK, receiver.url)
    await notices.set_endpoint("crm", webhook, CLERK, "it listens")
    told = NoticeRule(NoticeKind.ALERT_RAISED, "crm")
    await notices.set_rule("alerts", told, CLERK, "to be told")
    groups = NamedGroups(utility.registry, OPERATOR, lambda: utility.now)
    await groups.add(GroupRecord("all", GroupOf.ACCOUNT))
    for account in ("A-1", "A-2"):
        await groups.assign("all", Membership(account, date(2026, 9, 1)))
    usage, cost = AlertMeasure.USAGE, AlertMeasure.COST
    await alerting.rule("much", usage, GROUP, "all", "250")
    await alerting.rule("dear", cost, ACCOUNT, "A-1", "60")
    await alerting.rule("soon", AlertMeasure.FORECAST_USAGE, POINT, "SP-1", "740")
    await alerting.rule("today", usage, POINT, "SP-1", "16", AlertPeriod.DAY)
    tally = await alerting.alerts.check()
    assert (tally.rules, tally.failed) == (4, 0)
    raised = (await alerting.alerts.store.alerts(None, 9)).rows
    by_rule = {(row.rule, row.subject): row.value for row in raised}
    # The second one uses 48 kWh a day; a month of the first comes to 744.
    assert by_rule == {
        ("much@1", "A-2"): Decimal("480.000"),
        ("soon@1", "SP-1"): Decimal("744.000"),
    }
    assert not await alerting.alerts.waits(utility.now)
    await alerting.read(16)
    utility.now += timedelta(minutes=15)
    assert (await alerting.alerts.check()).raised == 2
    utility.now += timedelta(minutes=15)
    assert (await alerting.alerts.check()).raised == 0
    rows = (await alerting.alerts.store.alerts(None, 9, "A-1")).rows
    assert [(row.rule, row.first, row.unit) for row in rows] == [
        ("today@1", date(2026, 10, 11), "kWh"),
        ("much@1", date(2026, 10, 1), "kWh"),
        ("soon@1", date(2026, 10, 1), "kWh"),
    ]
    sender = DeliverNotices(notices.store, EndpointSender(None), lambda: utility.now)
    assert (await sender.until_idle()).taken == 4
    said = [json.loads(request.body)["data"] for request in receiver.requests]
    assert sorted(each["rule"] for each in said) == ["much", "much", "soon", "today"]


async def test_rules_and_figures_have_faces(
    alerting: Alerting, migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    utility = alerting.utility
    await alerting.read(16)
    services = timescale_services(pool_of(utility), render_invoice, lambda: utility.now)
    transport = httpx.ASGITransport(create_app(services, WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1") as client:
        order = {
            "rule": "dear",
            "measure": "cost",
            "subject_kind": "account",
            "subject": "A-1",
            "threshold": "30",
            "reason": "it is dear",
        }
        made = await client.post("/alert-rules", json=order)
        assert made.status_code == 201, made.text
        assert (await client.get("/alert-rules")).json()["items"] == [made.json()]
        assert (await alerting.alerts.check()).raised == 1
        (alert,) = (await client.get("/alerts", params={"account": "A-1"})).json()["items"]
        assert (alert["rule"], alert["threshold"], alert["unit"]) == ("dear@1", "30", "EUR")
        number = {"search": "A-1"}
        uid = (await client.get("/accounts", params=number)).json()["items"][0]["account"]
        days = (await client.get(f"/accounts/{uid}/so-far")).json()["items"]
        assert (days[-1]["from"], days[-1]["usage"]) == ("2026-10-11", "16")
        (of_month,) = (await client.get(f"/accounts/{uid}/so-far?by=month")).json()["items"]
        assert (of_month["usage"], of_month["cost"]) == ("256", str(_expected()))
        hours = (await client.get(f"/accounts/{uid}/so-far?by=hour&limit=500")).json()["items"]
        assert (len(hours), hours[0]["cost"]) == (11 * HOURS, None)
        nobody = await client.post("/alert-rules", json={**order, "subject": "A-9"})
        assert (nobody.status_code, nobody.json()["code"]) == (422, "NOT_REGISTERED")
    monkeypatch.setenv("METERLINE_DATABASE", migrated.dsn_as("meterline_app"))
    with pytest.raises(NotRegisteredError):
        await alerting.so_far(GROUP, "nowhere")

    def central(*words: str) -> object:
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    import asyncio  # noqa: PLC0415 - a command has a loop of its own

    again = await asyncio.to_thread(
        central,
        *("alert", "set-rule", "dear", "--measure", "cost", "--account", "A-1"),
        *("--threshold", "30", "--reason", "again"),
    )
    assert again == {"rule": "dear", "version": 1, "new": False}
    listed = await asyncio.to_thread(central, "alert", "rules")
    assert [row["rule"] for row in listed] == ["dear"]  # type: ignore[attr-defined]
    raised = await asyncio.to_thread(central, "alert", "list")
    assert [row["value"] for row in raised["items"]] == [alert["value"]]  # type: ignore[index]
