"""What the JSON Schema of the native payload allows is read whole; what it forbids is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.driver.telegram import TelegramError
from firmware_bridge.mqtt_native.frames import Decoded, decode
from tests.support.data import REPOSITORY

SCHEMA = json.loads(
    (REPOSITORY / "docs" / "reference" / "native-payload.schema.json").read_text("utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
UNITS = SCHEMA["$defs"]["unit"]["enum"]
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)
EDGE = 2**63

texts = st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?([eE][0-9])?", fullmatch=True)
values = st.one_of(
    st.none(),
    st.integers(-EDGE - 2, EDGE + 2),
    st.sampled_from([EDGE - 1, EDGE, -EDGE, -EDGE - 1, 10**15, 10**40, True, [], {}, ""]),
    st.decimals(-(10**16), 10**16, places=3).map(float),
    texts,
    st.sampled_from(
        ["NaN", "nan", "-inf", "Infinity", "infinit", "none", "0x10", "1_000", "\u0661"]
    ),
)
stamps = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))
instants = st.one_of(
    stamps.map(lambda at: at.isoformat()),
    stamps.map(lambda at: at.isoformat(timespec="seconds").replace("+00:00", "Z")),
    stamps.map(lambda at: at.isoformat(" ", timespec="milliseconds").replace("+00:00", "+05:45")),
    st.integers(946684800000 - 2, 4102444800000 + 1),
    st.sampled_from(
        [946684800000, 4102444800000, 4102444799999, 0, -1, "soon", "", "2026-13-01T00:00:00Z"]
    ),
    stamps.map(lambda at: at.isoformat().replace("+00:00", "")),
)
codes = st.one_of(
    st.sampled_from(
        ["1-0:1.8.0", "1-0:2.8.0*255", "1-0:3.8.1", "1-0:9.6.0", "1-0:31.7.0", "1-0:12.7.0"]
    ),
    st.sampled_from(
        ["1-0:13.7.0", "1-0:1.29.0", "7-0:3.0.0", "8-0:1.0.0", "energy", "1-0:1.8.999"]
    ),
    st.tuples(*[st.integers(0, 260)] * 5).map(lambda n: "{}-{}:{}.{}.{}".format(*n)),
)
readings = st.fixed_dictionaries(
    {"obis": codes, "value": values, "unit": st.sampled_from([*UNITS, "", "furlong"])},
    optional={
        "quality": st.sampled_from(["actual", "estimated", "suspect", "power_failure", "good"]),
        "at": instants,
        "from": instants,
        "period_s": st.sampled_from([0, 1, 900, 2678400, 2678401]),
    },
)


def payload(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"v": 1, "manufacturer": "ACME", "serial": "0042", "readings": items}


@given(st.lists(readings, min_size=1, max_size=3))
def test_what_the_schema_allows_is_read_whole(items: list[dict[str, Any]]) -> None:
    content = payload(items)
    with_values = [item for item in items if _is_value(item["value"])]
    decoded = _decoded(content)
    if VALIDATOR.is_valid(content):
        assert decoded.rest is None, (decoded.rest, content)
        assert len(decoded.observations) == len(with_values)
    else:
        # What the schema forbids and is read nevertheless is a spelling: it says the same.
        assert len(decoded.observations) <= len(with_values)
    for one in decoded.observations:
        assert one.meter_value() is not None
        assert one.meter_time is None or _near(one.meter_time)


def _decoded(content: dict[str, Any]) -> Decoded:
    """What is read; where nothing is, the reason as what was not read."""
    try:
        return decode("meters/0042", json.dumps(content).encode())
    except TelegramError as error:
        return Decoded((), error)


def _near(at: datetime) -> bool:
    """Whether it is in the years of the rules, as its sender writes it in any zone."""
    return FIRST - timedelta(days=1) < at < LAST + timedelta(days=2)


def _is_value(value: object) -> bool:
    return value is not None and str(value).lower().lstrip("+-") not in {"nan", "inf", "infinity"}
