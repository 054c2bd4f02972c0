"""All that a part is rated from has something that says when it changed; so must what is new."""

from __future__ import annotations

from dataclasses import fields

import pytest

from central.domain.rating.columnar.terms import Meter, Terms
from central.service.ports.bill_shard import AccountWork, SupplyWork
from central.service.ports.stamps import InputKind

POINT, ACCOUNT, TARIFF = InputKind.POINT, InputKind.ACCOUNT, InputKind.TARIFF
DOCUMENT = InputKind.DOCUMENT
CLAIM = "the claim, which holds agreement and days while the bill is there"
BEFORE = "the hash of what the part before left, compared when bills are decided"
PRINTED = "nothing: a register that comes late without changing a day is printed by the next run"
FIXED = "nothing: it never changes once there are bills"

GUARDS: dict[type, dict[str, object]] = {
    AccountWork: {
        "plan": CLAIM,
        "account": (ACCOUNT, InputKind.SETTINGS),
        "supplies": "as below",
        "unread": "nothing: the bill is held, and tried again in every run",
        "entries": ACCOUNT,
        "shared": BEFORE,
        "adjustments": "those that no bill carries, looked up whenever bills are decided or run",
        "document_days": DOCUMENT,
        "negative_total": InputKind.SETTINGS,
        "limits": (InputKind.SETTINGS, DOCUMENT),
    },
    SupplyWork: {
        "occupancy_id": CLAIM,
        "agreement_id": CLAIM,
        "point": FIXED,
        "zone": FIXED,
        "tariff": CLAIM,
        "days": CLAIM,
        "facts": (POINT, ACCOUNT),
        "opening": BEFORE,
        "blocks": POINT,
        "holds": (POINT, "what waits for validation, asked when bills are decided"),
        "reads": (POINT, PRINTED),
        "earlier": POINT,
        "final": (POINT, ACCOUNT),
        "stamp": "it is what is compared",
        "day_start": FIXED,
        "entries": ACCOUNT,
        "account_stays": ACCOUNT,
        "open_elsewhere": (ACCOUNT, TARIFF, "among the others that a part was rated with"),
        "carries": BEFORE,
        "settles": CLAIM,
        "taken_over": BEFORE,
        "events": POINT,
    },
    Terms: {
        "versions": TARIFF,
        "calendar": (TARIFF, "which a change of its holidays raises"),
        "days": CLAIM,
        "period": CLAIM,
        "prices": InputKind.SERIES,
        "options": "the release, which has every draft rated again",
        "ending": (POINT, ACCOUNT, TARIFF, "among the others that a part was rated with"),
        "predecessor": (TARIFF, "among the others that a part was rated with"),
        "stay": (POINT, ACCOUNT, CLAIM),
        "period_end": CLAIM,
        "document_days": DOCUMENT,
    },
    Meter: {
        "blocks": POINT,
        "facts": (POINT, ACCOUNT),
        "opening": BEFORE,
        "grants": ACCOUNT,
        "one_offs": ACCOUNT,
        "events": POINT,
    },
}


@pytest.mark.parametrize("given", GUARDS, ids=lambda given: given.__name__)
def test_whatever_rating_is_given_says_when_it_changed(given: type) -> None:
    assert {field.name for field in fields(given)} == GUARDS[given].keys()
