"""Provinces of Spain by postcode, and countries by the three letters that Facturae has.

Source: ISO 3166-1; https://www.ine.es, codes of provinces
"""

from __future__ import annotations

_PROVINCES = (
    *("Araba/Álava", "Albacete", "Alicante", "Almería", "Ávila", "Badajoz", "Illes Balears"),
    *("Barcelona", "Burgos", "Cáceres", "Cádiz", "Castellón", "Ciudad Real", "Córdoba"),
    *("A Coruña", "Cuenca", "Girona", "Granada", "Guadalajara", "Gipuzkoa", "Huelva", "Huesca"),
    *("Jaén", "León", "Lleida", "La Rioja", "Lugo", "Madrid", "Málaga", "Murcia", "Navarra"),
    *("Ourense", "Asturias", "Palencia", "Las Palmas", "Pontevedra", "Salamanca"),
    *("Santa Cruz Tenerife", "Cantabria", "Segovia", "Sevilla", "Soria", "Tarragona", "Teruel"),
    *("Toledo", "Valencia", "Valladolid", "Bizkaia", "Zamora", "Zaragoza", "Ceuta", "Melilla"),
)

ALPHA_3 = {
    "AD": "AND",
    "AT": "AUT",
    "BE": "BEL",
    "BG": "BGR",
    "CH": "CHE",
    "CY": "CYP",
    "CZ": "CZE",
    "DE": "DEU",
    "DK": "DNK",
    "EE": "EST",
    "ES": "ESP",
    "FI": "FIN",
    "FR": "FRA",
    "GB": "GBR",
    "GI": "GIB",
    "GR": "GRC",
    "HR": "HRV",
    "HU": "HUN",
    "IE": "IRL",
    "IS": "ISL",
    "IT": "ITA",
    "LI": "LIE",
    "LT": "LTU",
    "LU": "LUX",
    "LV": "LVA",
    "MA": "MAR",
    "MC": "MCO",
    "MT": "MLT",
    "MX": "MEX",
    "NL": "NLD",
    "NO": "NOR",
    "PL": "POL",
    "PT": "PRT",
    "RO": "ROU",
    "SE": "SWE",
    "SI": "SVN",
    "SK": "SVK",
    "SM": "SMR",
    "US": "USA",
}
"""Of two letters, where sellers and buyers of a Spanish utility are."""


def province_of(postcode: str) -> str:
    """The province of a Spanish postcode, "" where it is none."""
    if len(postcode) != len("28001") or not postcode.isdecimal():
        return ""
    number = int(postcode[:2])
    return _PROVINCES[number - 1] if 1 <= number <= len(_PROVINCES) else ""
