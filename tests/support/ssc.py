"""Inputs of the reference's utility rate model as a tariff of ours, and its outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.carried_state import CarriedState, Peak
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.urdb.metering import Rule
from central.domain.tariff.urdb.rates import charges_of, minimum_lines
from central.domain.tariff.urdb.record import Rates
from central.service.rating.load_blocks import RatingRequest
from central.service.rating.rate_bills import PricedBill
from central.service.rating.rate_file import rate_months

RULES = (
    Rule.NET_METERING,
    Rule.NET_METERING_CREDITS,
    Rule.NET_BILLING,
    Rule.NET_BILLING_CARRYOVER,
    Rule.BUY_ALL_SELL_ALL,
)
UNITS = ("kWh", "kWh/kW", "kWh daily", "kWh/kW daily")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def exact(value: float) -> Decimal:
    """The decimal that a JSON number was written as."""
    return Decimal(repr(value))


def tariff_of(inputs: dict[str, Any], *, generation: bool, year: int = 1) -> TariffDocument:
    """The tariff of one year; prices rise with inflation from the second on."""
    rise = (1 + exact(float(inputs.get("inflation_rate", 0))) / 100) ** (year - 1)
    rule = RULES[int(inputs["ur_metering_option"])]
    record = _record(inputs, rise)
    rates = Rates(
        record,
        "ssc",
        reference=True,
        metering=rule,
        generation=generation,
        true_up_month=int(inputs.get("ur_nm_credit_month", 11)) + 1,
        surplus_price=exact(inputs.get("ur_nm_yearend_sell_rate", 0)) * rise,
    )
    said = charges_of(rates)
    if inputs.get("ur_enable_billing_demand"):
        _billing_demand(inputs, said)
    _carryover(inputs, said, rule)
    _time_series(inputs, said)
    said |= {
        "tariff": "ssc",
        "effective": "0001-01-01",
        "zone": "UTC",
        "currency": {"code": "USD"},
        "cycle": {"normal_days": "cycle", "daily": "month"},
    }
    said["minimums"] = _minimums(inputs, said, rise)
    return load_tariff(json.dumps(said), file="ssc")


def _time_series(inputs: dict[str, Any], said: dict[str, Any]) -> None:
    """Prices per step take the place of those by period."""
    for side, charge, qty in (("buy", "energy", "import"), ("sell", "sales", "export")):
        if inputs.get(f"ur_en_ts_{side}_rate"):
            said.setdefault("series", {})[side] = {"price": side}
            for number, found in enumerate(said["charges"]):
                if found["id"] == charge:
                    said["charges"][number] = {"id": charge, "qty": qty, "times": side}


def prices_of(inputs: dict[str, Any]) -> list[PriceSeries]:
    """Price series of the year; what is sold counts against the bill."""
    found = []
    for side, sign in (("buy", 1), ("sell", -1)):
        if inputs.get(f"ur_en_ts_{side}_rate"):
            values = [sign * exact(value) for value in inputs[f"ur_ts_{side}_rate"]]
            mantissas = tuple(int(value.scaleb(12)) for value in values)
            step = 8760 * 3600 // len(values)
            found.append(PriceSeries(side, datetime(2018, 1, 1, tzinfo=UTC), step, mantissas, -12))
    return found


def _minimums(inputs: dict[str, Any], said: dict[str, Any], rise: Decimal) -> list[dict[str, Any]]:
    rule = RULES[int(inputs["ur_metering_option"])]
    ids = minimum_lines(rule, said["charges"], said.get("banks", {}))
    found = []
    for name, per in (("ur_monthly_min_charge", "month"), ("ur_annual_min_charge", "year")):
        if inputs.get(name):
            amount = format(exact(inputs[name]) * rise, "f")
            found.append(
                {
                    "id": f"minimum_{per}",
                    "of": ids,
                    "amount": amount,
                    "per": per,
                    "basis": "after_credits",
                }
            )
    return found


def _record(inputs: dict[str, Any], rise: Decimal) -> dict[str, Any]:
    record: dict[str, Any] = {}
    structure: dict[int, list[dict[str, Any]]] = {}
    for period, _, top, unit, buy, sell in inputs["ur_ec_tou_mat"]:
        tier = {"unit": UNITS[int(unit)], "rate": exact(buy) * rise, "sell": exact(sell) * rise}
        structure.setdefault(int(period) - 1, []).append(tier | _max(top))
    record["energyratestructure"] = _filled(structure)
    for days in ("weekday", "weekend"):
        record[f"energy{days}schedule"] = _schedule(inputs[f"ur_ec_sched_{days}"])
    if inputs.get("ur_dc_enable"):
        demand: dict[int, list[dict[str, Any]]] = {}
        for period, _, top, price in inputs["ur_dc_tou_mat"]:
            demand.setdefault(int(period) - 1, []).append({"rate": exact(price) * rise} | _max(top))
        record["demandratestructure"] = _filled(demand)
        for days in ("weekday", "weekend"):
            record[f"demand{days}schedule"] = _schedule(inputs[f"ur_dc_sched_{days}"])
        flat: dict[int, list[dict[str, Any]]] = {}
        for month, _, top, price in inputs["ur_dc_flat_mat"]:
            flat.setdefault(int(month), []).append({"rate": exact(price) * rise} | _max(top))
        record["flatdemandstructure"] = _filled(flat)
        record["flatdemandmonths"] = list(range(12))
    if inputs.get("ur_monthly_fixed_charge"):
        record["fixedchargefirstmeter"] = exact(inputs["ur_monthly_fixed_charge"]) * rise
        record["fixedchargeunits"] = "$/month"
    return record


def _max(top: float) -> dict[str, Decimal]:
    return {} if top > 1e37 else {"max": exact(top)}


def _filled(structure: dict[int, list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    empty = [{"rate": Decimal(0)}]
    return [structure.get(number, empty) for number in range(max(structure) + 1)]


def _schedule(rows: list[list[float]]) -> list[list[int]]:
    return [[int(hour) - 1 for hour in row] for row in rows]


def _billing_demand(inputs: dict[str, Any], said: dict[str, Any]) -> None:
    """The largest peak of the flagged periods, or a share of that of earlier months."""
    rows = inputs["ur_billing_demand_lookback_percentages"]
    billing = {}
    for peak in _flagged(inputs):
        parts = []
        for number, (percent, flag) in enumerate(rows, start=1):
            span, share = f"months: {number}-{number}", format(exact(percent), "f")
            parts.append(f"prior({peak}, {span}, pct: {share})")
            parts.append(f"current({peak}, {span}, pct: {share})")
            if flag:
                parts.append(f"current({peak}, {span}, pct: 100)")
        name = f"billing_{peak.partition('.')[2]}"
        billing[name] = {"expr": f"max({', '.join(parts)})", "unit": "kW"}
    least = format(exact(inputs["ur_billing_demand_minimum"]), "f")
    billing["billing_kw"] = {"expr": f"max({', '.join([least, *billing])})", "unit": "kW"}
    peaks = {name: said["determinants"][name] for name in ("kw", "kw_tou")}
    said["determinants"] = peaks | billing | said["determinants"]
    months = str(int(inputs["ur_billing_demand_lookback_period"]))
    said["state"] = {"kw_tou": {"months": months, "missing": "ignore"}}
    for section in {"charges", "banks"} & said.keys():
        text = json.dumps(said[section])
        text = text.replace('"of": "kw"', '"of": "billing_kw"')
        said[section] = json.loads(text.replace('"qty": "kw"', '"qty": "billing_kw"'))
    # Periods that are flagged are charged for the billing demand, in months that have such hours.
    flagged = _flagged(inputs)
    for charge in said["charges"]:
        if charge.get("qty") in flagged:
            label = charge["qty"].partition(".")[2]
            here = {rule["season"] for rule in said["calendar"]["schedules"]["demand"][label]}
            nothing = [{"to": None, "price": "0"}]
            charge["qty"] = "billing_kw"
            charge["steps"] = {
                season: charge["steps"] if season in here else nothing
                for season in said["calendar"]["seasons"]
            }


def _flagged(inputs: dict[str, Any]) -> list[str]:
    """The periods whose peaks make the billing demand, as far as any hour is theirs."""
    days = ("ur_dc_sched_weekday", "ur_dc_sched_weekend")
    used = {int(period) for name in days for row in inputs[name] for period in row}
    rows = inputs["ur_dc_billing_demand_periods"]
    return [f"kw_tou.D{int(period) - 1}" for period, flag in rows if flag and int(period) in used]


def opening_of(inputs: dict[str, Any]) -> CarriedState:
    """Peaks of the year before the first."""
    if not inputs.get("ur_enable_billing_demand") or not _flagged(inputs):
        return CarriedState()
    label = _flagged(inputs)[0].partition(".")[2]
    seeds = enumerate(inputs["ur_yearzero_usage_peaks"], start=1)
    return CarriedState(
        tuple(Peak("kw_tou", label, date(2017, month, 1), Fraction(exact(v))) for month, v in seeds)
    )


def _carryover(inputs: dict[str, Any], said: dict[str, Any], rule: Rule) -> None:
    bank = said.get("banks", {}).get("credit")
    if bank and rule is Rule.NET_BILLING_CARRYOVER:
        if inputs.get("ur_nb_apply_credit_current_month"):
            bank["when"] = "this_bill"
        if inputs.get("ur_nb_credit_expire"):
            bank["true_up"]["pay"] = "0"


def bills(
    inputs: dict[str, Any],
    load: Sequence[Decimal],
    generation: Sequence[Decimal] | None,
    steps_per_hour: int,
    years: int,
) -> list[list[PricedBill]]:
    """Twelve months of each year; `load` is one year, `generation` one or as many as there are."""
    per_year = 8760 * steps_per_hour
    rule = RULES[int(inputs["ur_metering_option"])]
    request = RatingRequest(
        datetime(2018, 1, 1),  # noqa: DTZ001 - local
        60 // steps_per_hour,
        "UTC",
        naive=True,
        rounded=False,
        netting=rule is not Rule.BUY_ALL_SELL_ALL,
    )
    state = opening_of(inputs)
    found = []
    for year in range(1, years + 1):
        made = None
        if generation is not None:
            start = per_year * (year - 1) % len(generation)
            made = generation[start : start + per_year]
        document = tariff_of(inputs, generation=generation is not None, year=year)
        found_months = rate_months(
            document, load, request, generation=made, opening=state, prices=prices_of(inputs)
        )
        months = list(found_months)
        state = months[-1].rated.closing
        found.append(months)
    return found


def january(
    inputs: dict[str, Any], load: Sequence[Decimal], generation: Sequence[Decimal]
) -> Decimal:
    """The bill of January alone, in steps of an hour."""
    request = RatingRequest(datetime(2018, 1, 1), 60, "UTC", naive=True, rounded=False)  # noqa: DTZ001 - local
    document = tariff_of(inputs, generation=True)
    return next(iter(rate_months(document, load, request, generation=generation))).rated.total


def lines(month: PricedBill, *kinds: str, ids: tuple[str, ...] = ()) -> list[RatedLine]:
    """Lines of a month by kind or id."""
    return [line for line in month.rated.lines if line.kind in kinds or line.id in ids]


def amount(found: Sequence[RatedLine]) -> Decimal:
    """Sum of lines."""
    return sum((line.amount for line in found), Decimal(0))


def output(  # noqa: C901, PLR0911 - one return per output of the reference
    name: str,
    index: Sequence[int],
    without: list[list[PricedBill]],
    with_: list[list[PricedBill]],
) -> Decimal | None:
    """One of the reference's outputs, None where we have no such number."""
    side = without if "wo_sys" in name else with_
    if name in {"utility_bill_wo_sys_year1", "utility_bill_w_sys_year1"}:
        return sum((month.rated.total for month in side[0]), Decimal(0))
    if name in {"utility_bill_wo_sys", "utility_bill_w_sys"}:
        return sum((month.rated.total for month in side[index[0] - 1]), Decimal(0))
    year, number = (1, index[-1]) if name.startswith("year1") else (index[0], index[-1])
    if "_tp" in name:
        month = side[0][MONTHS.index(name.split("_")[-2])]
        tiers = [line for line in month.rated.lines if line.id == "energy"]
        return tiers[index[1] - 1].quantity
    if year > len(side) or number >= 12:
        return None
    month = side[year - 1][number]
    if name.startswith("utility_bill"):
        return month.rated.total
    if "true_up_credits" in name:
        return -amount(lines(month, "settlement"))
    if name == "two_meter_sales_ym":
        return -amount(lines(month, ids=("sales",)))
    if name in {"net_billing_credits_ym", "nm_dollars_applied_ym"}:
        return -amount(lines(month, "credit", ids=("sales",)))
    if name == "charge_w_sys_minimum_ym":
        return amount(lines(month, "minimum"))
    if name == "billing_demand_wo_sys_ym":
        value = month.rated.quantity("billing_kw")
        return Decimal(value.numerator) / Decimal(value.denominator)
    return None


def plain(value: Fraction) -> Decimal:
    """A fraction as a decimal."""
    return Decimal(value.numerator) / Decimal(value.denominator)
