"""The JSON Schema of tariff documents, published as docs/reference/tariffs/schema.json.

It checks shapes, for editors and other tools; what must hold between parts (names that exist,
hours that are covered once, bounds that ascend) is checked by `load_tariff`.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_NUMBER = r"^-?\d{1,15}(\.\d{1,24})?$"
_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"


def tariff_schema() -> Schema:
    """The schema, JSON Schema draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Meterline tariff",
        "description": "Prices as strings or plain numbers; both load as exact decimals.",
        **_object(
            {
                "tariff": {"type": "string"},
                "title": {"type": "string"},
                "effective": _date(),
                "zone": {"type": "string", "description": "IANA time zone"},
                "clock": {"enum": ["wall", "standard"]},
                "currency": _currency(),
                "quantities": _map(_whole()),
                "cycle": _cycle(),
                "on_change": _on_change(),
                "inputs": _map({"type": "string"}),
                "needs": _map({"type": "string"}),
                "calendar": _calendar(),
                "determinants": _map({"$ref": "#/$defs/determinant"}),
                "state": _map(_object({"months": _whole(), "missing": _enum("ignore", "hold")})),
                "charges": _list({"$ref": "#/$defs/charge"}),
                "riders": _list(
                    {"anyOf": [{"$ref": "#/$defs/percent"}, {"$ref": "#/$defs/charge"}]}
                ),
                "series": _map({"anyOf": _series()}),
                "banks": _map({"anyOf": _banks()}),
                "minimums": _list({"$ref": "#/$defs/minimum"}),
                "commitments": _list({"$ref": "#/$defs/commitment"}),
                "taxes": _list({"$ref": "#/$defs/percent"}),
                "settlement": _list({"anyOf": _settlement()}),
            },
            required=("tariff", "effective", "zone", "currency", "charges"),
        ),
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    return {
        "number": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _NUMBER}]},
        "prices": {
            "description": "One price, or prices by season, by period, or by both in that order.",
            "anyOf": [_number(), _map({"anyOf": [_number(), _map(_number())]})],
        },
        "steps": _list({"$ref": "#/$defs/step"}),
        "step": _object(
            {
                "to": {"anyOf": [_number(), {"type": "null"}]},
                "unit": {"type": "string"},
                "of": {"type": "string"},
                "price": {"$ref": "#/$defs/prices"},
                "steps": {"$ref": "#/$defs/steps"},
            },
            required=("to",),
        ),
        "charge": _charge(),
        "percent": _percent(),
        "minimum": _minimum(),
        "commitment": _commitment(),
        "determinant": {"anyOf": _determinants()},
    }


def _object(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return found | ({"required": list(required)} if required else {})


def _map(values: Schema) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": values,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _enum(*values: str) -> Schema:
    return {"enum": list(values)}


def _flag() -> Schema:
    return {"enum": [True, False, "true", "false"]}


def _number() -> Schema:
    return {"$ref": "#/$defs/number"}


def _whole() -> Schema:
    return {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+$"}]}


def _date() -> Schema:
    return {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def _texts() -> Schema:
    return {"anyOf": [{"type": "string"}, _list({"type": "string"})]}


def _currency() -> Schema:
    return _object(
        {
            "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "digits": _whole(),
            "mode": _enum("half_up"),
        },
        required=("code",),
    )


def _cycle() -> Schema:
    return _object(
        {
            "full_days": {"type": "array", "items": _whole(), "minItems": 2, "maxItems": 2},
            "normal_days": {"enum": [30, "30", "365/12", "cycle"]},
            "daily": _enum("days", "month"),
        }
    )


def _on_change() -> Schema:
    return _object(
        {
            "energy": _enum("segment"),
            "thresholds": _enum("days_share", "whole"),
            "demand": _enum("segment_peak_days_share", "bill_peak"),
        }
    )


def _calendar() -> Schema:
    rule = _object({"season": _texts(), "days": _texts(), "at": _texts()})
    periods = _map({"anyOf": [_enum("rest"), _list(rule)]})
    return _object(
        {
            "holidays": _object(
                {
                    "country": {"type": "string"},
                    "subdivision": {"type": "string"},
                    "observed": _flag(),
                    "dates": _list(_date()),
                    "only": _texts(),
                }
            ),
            "seasons": _map(_texts()),
            "days": _map(_texts()),
            "periods": periods,
            "schedules": _map(periods),
        }
    )


def _determinants() -> list[Schema]:
    name = {"type": "string", "pattern": _NAME}
    return [
        _object(
            {
                "sum": name,
                "by": {"type": "string"},
                "bank": name,
                "side": _enum("both", "use", "surplus"),
                "each": _enum("bill", "interval"),
                "during": name,
                "outside": name,
            },
            required=("sum",),
        ),
        _object(
            {
                "max": name,
                "window": {"type": "string", "pattern": r"^\d{1,4}m$"},
                "mode": _enum("block", "rolling"),
                "by": {"type": "string"},
                "estimated": _enum("exclude", "include"),
                "per": _enum("bill", "day"),
                "during": name,
                "meters": _enum("together", "each"),
            },
            required=("max",),
        ),
        _object({"expr": {"type": "string"}, "unit": {"type": "string"}}, required=("expr",)),
        _object(
            {"per_day": {"$ref": "#/$defs/prices"}, "unit": {"type": "string"}},
            required=("per_day",),
        ),
        _object({"counter": name, "average": _enum("days")}, required=("counter",)),
        _object(
            {
                "rebate": name,
                "during": name,
                "baseline": _baseline(),
                "floor": _enum("event", "interval", "none"),
            },
            required=("rebate", "during", "baseline"),
        ),
        _events(name),
    ]


def _baseline() -> Schema:
    return _object(
        {
            "days": _whole(),
            "pick": _whole(),
            "rank": _enum("highest", "lowest", "latest"),
            "like": _enum("day_type", "any"),
            "reach": _whole(),
            "adjust": _object(
                {"minutes": _whole(), "gap": _whole(), "cap": _number()},
                required=("minutes", "cap"),
            ),
        },
        required=("days",),
    )


def _events(name: Schema) -> Schema:
    return _object(
        {
            "events": name,
            "take": _enum("sum", "count", "max", "unique", "latest", "time_weighted"),
            "unit": {"type": "string"},
            "key": {"type": "string"},
            "where": _map(_texts()),
            "by": {"type": "string"},
            "split": _object(
                {"field": {"type": "string"}, "values": _texts(), "other": {"type": "string"}},
                required=("field", "values"),
            ),
            "per": _enum("average", "hour", "day"),
        },
        required=("events",),
    )


def _series() -> list[Schema]:
    return [
        _object(
            {
                "expr": {"type": "string"},
                "factors": {"anyOf": [_texts(), _map({"type": "string"})]},
                "unit": {"type": "string"},
            },
            required=("expr",),
        ),
        _object(
            {
                "price": {"type": "string"},
                "step": {"type": "string", "pattern": r"^\d{1,4}m$"},
                "missing": _enum("hold"),
            },
            required=("price",),
        ),
    ]


def _banks() -> list[Schema]:
    true_up = _object({"month": _whole(), "pay": _number()})
    words = _map({"type": "string"})
    steps = {"$ref": "#/$defs/steps"}
    return [
        _object(
            {
                "unit": _enum("kWh"),
                "map": {"anyOf": [words, _map(words)]},
                "basis": _enum("period", "total"),
                "true_up": true_up,
                "earn": {"type": "string"},
                "by": {"type": "string"},
            },
            required=("unit",),
        ),
        _object(
            {
                "unit": _enum("money"),
                "earn": {"type": "string"},
                "price": {"$ref": "#/$defs/prices"},
                "steps": {"anyOf": [steps, _map(steps)]},
                "tiers": _tiers(),
                "offsets": _texts(),
                "when": _enum("this_bill", "next_bill"),
                "order": _enum("oldest"),
                "true_up": true_up,
                "expires": _enum("true_up", "never"),
                "expires_months": _whole(),
            },
            required=("offsets",),
        ),
    ]


def _charge() -> Schema:
    steps = {"$ref": "#/$defs/steps"}
    return _object(
        {
            "id": {"type": "string", "pattern": _NAME},
            "name": {"type": "string"},
            "qty": {"type": "string"},
            "price": {"$ref": "#/$defs/prices"},
            "per": _enum("day", "month", "year"),
            "prorate": _enum("cycle", "none"),
            "tiers": _tiers(),
            "steps": {"anyOf": [steps, _map(steps)]},
            "times": {"type": "string"},
            "unless": {"type": "string"},
            "only": {"type": "string"},
        },
        required=("id",),
    )


def _tiers() -> Schema:
    return _object(
        {
            "kind": _enum("graduated", "volume", "package", "stair"),
            "style": _enum("prorata", "per_period", "in_order"),
            "scale": _enum("days_share", "whole"),
            "size": _number(),
        }
    )


def _percent() -> Schema:
    return _object(
        {
            "id": {"type": "string", "pattern": _NAME},
            "name": {"type": "string"},
            "percent": _number(),
            "of": _texts(),
            "category": {"type": "string"},
            "unless": {"type": "string"},
        },
        required=("id", "percent", "of"),
    )


def _minimum() -> Schema:
    return _object(
        {
            "id": {"type": "string", "pattern": _NAME},
            "name": {"type": "string"},
            "of": _texts(),
            "amount": _number(),
            "qty": {"type": "string"},
            "per": _enum("month", "year"),
            "prorate": _enum("cycle", "none"),
            "basis": _enum("before_credits", "after_credits"),
            "year": _enum("calendar", "true_up"),
            "year_end": _whole(),
        },
        required=("id", "of", "amount"),
    )


def _commitment() -> Schema:
    return _object(
        {
            "id": {"type": "string", "pattern": _NAME},
            "name": {"type": "string"},
            "of": _texts(),
            "amount": _number(),
            "qty": {"type": "string"},
            "per": _enum("month", "year", "term"),
            "months": _whole(),
            "begins": {"type": "string"},
            "year_end": _whole(),
            "basis": _enum("before_credits", "after_credits"),
            "shortfall": _enum("charge", "carry"),
            "excess": _enum("lapse", "carry"),
        },
        required=("id", "of", "amount"),
    )


def _settlement() -> list[Schema]:
    only = {"type": "string"}
    budget = _object({"months": _whole(), "settle_up": _whole(), "only": only})
    prepaid = _object({"expires_months": _whole(), "only": only})
    return [
        _enum("true_up_payout", "budget_billing", "prepaid"),
        _object({"budget_billing": budget}, required=("budget_billing",)),
        _object({"prepaid": prepaid}, required=("prepaid",)),
    ]
