"""The published hourly bill of a Spanish household: its hours, prices, tariff and lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from central.domain.rating.inputs.segments import DayRange

ZONE = ZoneInfo("Europe/Madrid")
DAYS = DayRange(date(2020, 2, 18), date(2020, 3, 19))
AUTUMN, SPRING = date(2021, 10, 31), date(2022, 3, 27)
"""Days on which clocks change, and of which prices are published."""
HOURLY = """\
tariff: day
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
series: {pvpc: {price: PVPC}}
charges: [{id: energy, qty: import, times: pvpc}]
"""
"""Every hour at its price, and nothing else."""
PERIOD = f"{DAYS.first}..{DAYS.end}"


def hours(folder: Path) -> list[tuple[datetime, Decimal]]:
    """Start and energy of each hour. [kWh]."""
    (path,) = folder.glob("consumo_facturado*.csv")
    midnights: dict[str, datetime] = {}
    rows = []
    for row in _rows(path, ";"):
        day = row["Fecha"]
        if day not in midnights:
            numbers = [int(text) for text in reversed(day.split("/"))]
            midnights[day] = datetime(numbers[0], numbers[1], numbers[2], tzinfo=ZONE)
        # Hours are counted from local midnight, as instants.
        start = midnights[day].timestamp() + 3600 * (int(row["Hora"]) - 1)
        rows.append((datetime.fromtimestamp(start, ZONE), _number(row["Consumo_kWh"])))
    return rows


def hours_csv(folder: Path) -> str:
    """The hours as a file of an input."""
    return "\n".join(f"{at.isoformat()},{kwh}" for at, kwh in hours(folder))


def price_csvs(folder: Path) -> dict[str, str]:
    """Toll and the rest of the price of each hour, as files of series. [EUR/kWh]."""
    toll, rest = [], []
    for row in _rows(folder / "pvpc_test_data.csv", ","):
        at, whole = row[""].replace(" ", "T"), _number(row["GEN"])
        teu = _number(row["TEUGEN"])
        toll.append(f"{at},{teu / 1000}")
        rest.append(f"{at},{(whole - teu) / 1000}")
    return {"TEU": "\n".join(toll), "TCU": "\n".join(rest)}


def tariff_text(folder: Path) -> str:
    """The regulated tariff GEN of 2020; what the bill's own file says of it comes from there."""
    config = _bill(folder)["config"]
    duty = Decimal(config["impuesto_electrico"]) * 100
    return f"""\
tariff: PVPC-GEN
effective: 2020-01-01
zone: Europe/Madrid
currency: {{code: EUR}}
needs: {{contracted_kw: kW}}
series: {{toll: {{price: TEU}}, rest: {{price: TCU}}}}
charges:
  - {{id: power, qty: contracted_kw, price: "38.043426", per: year_by_days}}
  - {{id: margin, qty: contracted_kw, price: "3.113", per: year_by_days}}
  - {{id: toll, qty: import, times: toll}}
  - {{id: energy, qty: import, times: rest}}
  - {{id: meter, price: "{config["alquiler_anual"]}", per: year_by_days}}
taxes:
  - {{id: duty, percent: "{duty}", of: [power, margin, toll, energy], point: interval}}
  - {{id: vat, percent: 21, of: [power, margin, toll, energy, duty], point: interval}}
  - {{id: vat_meter, percent: 21, of: [meter], point: interval}}
"""


def expected_lines(folder: Path) -> dict[str, Decimal]:
    """The lines of the published bill, by charge."""
    bill = _bill(folder)
    (period,) = bill["periodos_fact"]
    (energy,) = period["energy_periods"]
    return {
        "power": period["termino_fijo_peaje_acceso"],
        "margin": period["termino_fijo_comercializacion"],
        "toll": energy["coste_peaje_acceso_tea"],
        "energy": energy["coste_energia_tcu"],
        "meter": bill["termino_equipo_medida"],
        "duty": bill["termino_impuesto_electrico"],
        "vat": bill["termino_iva_gen"],
        "vat_meter": bill["termino_iva_medida"],
    }


def published(folder: Path, name: str) -> list[tuple[datetime, Decimal]]:
    """The prices of the peninsula as the system operator gives them, EUR/kWh."""
    document = json.loads((folder / name).read_text(), parse_float=Decimal)
    if "indicator" in document:
        rows = document["indicator"]["values"]
        rows = [row for row in rows if row["geo_name"] == "Península"]
        starts = [datetime.fromisoformat(row["datetime"]).astimezone(ZONE) for row in rows]
        return [(at, row["value"] / 1000) for at, row in zip(starts, rows, strict=True)]
    rows = document["PVPC"]
    day = datetime.strptime(rows[0]["Dia"], "%d/%m/%Y").date()  # noqa: DTZ007 - a date
    start = datetime.combine(day, datetime.min.time(), ZONE)
    return [(_after(start, number), _number(row["PCB"]) / 1000) for number, row in enumerate(rows)]


def _after(start: datetime, hours: int) -> datetime:
    return datetime.fromtimestamp(start.timestamp() + 3600 * hours, ZONE)


def _bill(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("elecbill_data*_GEN_*.json")
    bill: dict[str, Any] = json.loads(path.read_text(), parse_float=Decimal)
    return bill


def _rows(path: Path, delimiter: str) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter=delimiter)


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))
