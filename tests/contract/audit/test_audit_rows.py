"""Every command leaves a row: what was, what is, and why; on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from central.domain.actor import Actor, ActorKind, Via
from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.price_series import PriceSeries
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.gateways.enrolment import (
    enrol_gateway,
    move_meter,
    revoke_epoch,
    revoke_gateway,
)
from central.service.ingest.import_readings import import_readings
from central.service.ingest.ingest import Ingest
from central.service.ingest.requeue import requeue
from central.service.ports.audit import AuditFilter, AuditRow
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
    SellerDiffersError,
)
from central.service.rating.keep_series import keep_series
from central.service.registry.register import Enrol
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK, TRADER
from tests.support.books import HOURLY, NOW, SEPTEMBER, ZONE, Utility, month
from tests.support.ingest import Edge

_HEADER = "manufacturer,serial,obis,at,value,unit\n"


async def rows(utility: Utility, **wanted: Any) -> list[AuditRow]:  # noqa: ANN401 - of the filter
    return list(reversed(await utility.audit.rows(AuditFilter(**wanted), 1_000)))


async def last(utility: Utility, **wanted: Any) -> AuditRow:  # noqa: ANN401 - of the filter
    return (await rows(utility, **wanted))[-1]


async def test_a_change_of_the_registry_says_old_and_new(utility: Utility) -> None:
    await utility.found()
    enrol = utility.enrol
    await enrol.account(AccountRecord("A-1", Party("Ada Lovelace")))
    changed = await last(utility, subject="A-1")
    assert (changed.action, changed.actor, changed.via) == (
        "account.changed",
        "operator",
        "command",
    )
    assert changed.detail == {
        "old": {"name": "Customer 1"},
        "new": {"name": "Ada Lovelace"},
        "reason": None,
    }
    await enrol.service_point(
        PointRecord("SP-1", ZONE, "Calle 9", Decimal("9.20")),
        PointChannelRecord(ACTIVE_EXPORT, 900, Unit.WATT_HOUR),
    )
    point = await last(utility, subject="SP-1")
    channel = f"{ACTIVE_IMPORT} 900 s Wh"
    assert point.detail["old"] == {"address": "Calle 1", "capacity": None, "channels": [channel]}
    assert point.detail["new"] == {
        "address": "Calle 9",
        "capacity": "9.20",
        "channels": [channel, f"{ACTIVE_EXPORT} 900 s Wh"],
    }
    end = SEPTEMBER + timedelta(days=90)
    await enrol.installation(InstallationRecord("SP-1", "MTL", "S1", SEPTEMBER, end))
    meter = await last(utility, subject="MTL/S1")
    assert (meter.action, meter.detail["old"]) == ("installation.changed", {"end": None})
    assert datetime.fromisoformat(meter.detail["new"]["end"]) == end
    facts = AgreementFacts.of(contracted=Decimal("3.45"))
    agreement = AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), None, facts)
    await enrol.agreement(agreement)
    agreed = await last(utility, subject="A-1 at SP-1")
    assert agreed.detail["old"] == {"facts": []}
    assert [one["value"] for one in agreed.detail["new"]["facts"]] == ["3.45"]


async def test_what_says_the_same_leaves_no_row(utility: Utility) -> None:
    await utility.found()
    before = await rows(utility)
    await utility.enrol.account(AccountRecord("A-1", Party("Customer 1")))
    await enrol_gateway(utility.gateways, "gw-1", CLERK, lambda: NOW)
    assert await rows(utility) == before


async def test_another_seller_is_refused_by_name_unless_it_is_asked_for(utility: Utility) -> None:
    await utility.found()
    other = Party("Sierra Power", ("Plaza 1",), "ESB2")
    with pytest.raises(SellerDiffersError, match="Sierra Power; another tax_id is given") as caught:
        await utility.enrol.seller(other)
    assert "--replace-seller" in str(caught.value)
    assert (await last(utility, action="seller")).action == "seller.added"
    await utility.enrol.seller(other, "merged with Valle Power")
    replaced = await last(utility, action="seller")
    assert replaced.detail == {
        "old": {"tax_id": "ESB1"},
        "new": {"tax_id": "ESB2"},
        "reason": "merged with Valle Power",
    }


async def test_gateways_epochs_and_meters_leave_rows(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month()[:4])

    def now() -> datetime:
        return NOW

    await enrol_gateway(utility.gateways, "gw-2", CLERK, now, reason="second roof")
    await move_meter(utility.gateways, "MTL", "S1", "gw-2", CLERK, now, reason="moved")
    await revoke_epoch(utility.gateways, "gw-1", edge.epoch, CLERK, now, reason="twin")
    await revoke_gateway(utility.gateways, "gw-1", CLERK, now, reason="stolen")
    await enrol_gateway(utility.gateways, "gw-1", CHIEF, now, reason="found")
    said = [
        (one.action, one.subject, one.detail["old"], one.detail["new"], one.detail["reason"])
        for one in await rows(utility)
        if one.action.split(".")[0] in {"gateway", "epoch", "meter"}
    ]
    no, yes = {"revoked": False}, {"revoked": True}
    assert said[1:] == [
        ("gateway.enrolled", "gw-2", {}, no, "second roof"),
        ("meter.moved", "MTL/S1", {"gateway": "gw-1"}, {"gateway": "gw-2"}, "moved"),
        ("epoch.revoked", f"gw-1 {edge.epoch}", no, yes, "twin"),
        ("gateway.revoked", "gw-1", no, yes, "stolen"),
        ("gateway.enrolled", "gw-1", yes, no, "found"),
    ]


async def test_requeued_batches_and_imported_readings_leave_rows(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month()[:4])
    other = Edge("gw-2")
    await enrol_gateway(utility.gateways, "gw-2", CLERK, lambda: NOW)
    await utility.deliver(other, month()[4:8])
    await move_meter(utility.gateways, "MTL", "S1", "gw-2", CLERK, lambda: NOW)
    (done,) = await requeue(utility.ingest, lambda: NOW, CHIEF)
    assert done.released
    requeued = await last(utility, action="batch")
    assert (requeued.actor, requeued.subject) == ("chief", f"gw-2 {other.epoch} 1")
    assert requeued.detail["old"] == {
        "state": "quarantined",
        "code": "METER_ELSEWHERE",
        "stored": 0,
    }
    assert requeued.detail["new"] == {"state": "stored", "code": None, "stored": 4}

    text = _HEADER + "MTL,S1,1.8.0,2026-10-20T00:00:00Z,99,Wh\n"
    ingest = Ingest(utility.ingest, lambda: NOW)
    await import_readings(ingest, "gw-2", text, TRADER, lambda: NOW)
    begun, ended = await rows(utility, action="readings")
    assert (begun.subject, begun.actor) == (ended.subject, "trader")
    assert begun.detail["new"]["gateway"] == "gw-2"
    assert ended.detail["new"] == {"readings": 1, "stored": 1}


async def test_a_corrected_series_names_the_versions(utility: Utility) -> None:
    start = datetime(2026, 10, 1, tzinfo=UTC)
    flat = PriceSeries("ES.DA", start, 3600, tuple(range(24)), -3)
    await keep_series(utility.series, flat, TRADER, clock=lambda: NOW)
    dearer = replace(flat, mantissas=tuple(range(1, 25)))
    await keep_series(utility.series, dearer, TRADER, reason="republished", clock=lambda: NOW)
    added, corrected = await rows(utility, action="series")
    assert added.detail["new"]["days"] == 1
    assert corrected.detail == {
        "old": {"versions": {"2026-10-01": 1}},
        "new": {
            "first": "2026-10-01",
            "last": "2026-10-01",
            "days": 1,
            "versions": {"2026-10-01": 2},
        },
        "reason": "republished",
    }


async def test_a_bill_is_followed_from_its_run_to_its_number(utility: Utility) -> None:
    edge = await utility.found(customers=2, period_s=HOURLY)
    await utility.deliver(edge, *(month(name, period_s=HOURLY) for name in ("S1", "S2")))
    await utility.validate()
    summary = await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)
    await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    token = Actor(ActorKind.TOKEN, "operator", Via.API)
    head = (await utility.billing.heads(summary.run))[0]
    await IssueBills(utility.billing, lambda: NOW).one(head.uid, token)
    told = await rows(utility, subject=str(head.uid))
    assert [(one.action, one.actor, one.via) for one in told] == [
        ("bill.approved", "chief", "command"),
        ("bill.issued", "token:operator", "api"),
    ]
    assert told[1].detail["old"] == {"state": "approved"}
    assert told[1].detail["new"]["state"] == "issued"
    assert [one.action for one in await rows(utility, actor="clerk")] == ["run.started"]


async def test_rows_are_found_by_their_time(utility: Utility) -> None:
    await utility.found()
    assert await rows(utility, until=NOW) == []
    assert await rows(utility, since=NOW, until=NOW + timedelta(seconds=1)) == await rows(utility)
    assert await rows(utility, since=NOW + timedelta(seconds=1)) == []


async def test_what_is_undone_leaves_no_row(utility: Utility) -> None:
    await utility.found()
    before = await rows(utility)

    async def fail(enrol: Enrol) -> None:
        async with utility.registry.transaction(utility.now) as registry:
            await enrol.account_in(registry, AccountRecord("A-9", Party("Nobody")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail(utility.enrol)
    assert await rows(utility) == before
