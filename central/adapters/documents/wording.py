"""What documents say in the language of their bill; English is what the code says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import get_decimal_symbol, get_group_symbol

from central.domain.rating.inputs.segments import DayRange

_SHORT_DAY = "d MMM"
_DAY = "d MMM y"
"""Reads the same everywhere: 31 Oct 2026."""

SPANISH = {
    "Account": "Cuenta",
    "Adjustment of {number}: {charged}": "Ajuste de {number}: {charged}",
    "Amount": "Importe",
    "Amount due": "Importe a pagar",
    "Bill": "Recibo",
    "Bill content SHA-256": "SHA-256 del contenido",
    "Bill to": "Cliente",
    "Billing period": "Periodo facturado",
    "Cancels the charges below, which invoice {number} made.": (
        "Anula los cargos siguientes de la factura {number}."
    ),
    "Charges": "Conceptos",
    "Content of the invoice: SHA-256 {hash}": "Contenido de la factura: SHA-256 {hash}",
    "Credit in your favour": "Saldo a su favor",
    "Credit note": "Factura rectificativa",
    "Credit note number": "Número de factura rectificativa",
    "Credit note {number} of invoice {cancelled}": (
        "Factura rectificativa {number} de la factura {cancelled}"
    ),
    "Current read": "Lectura actual",
    "Daily usage, {unit}": "Consumo diario, {unit}",
    "Date of issue": "Fecha de emisión",
    "Days": "Días",
    "Description": "Descripción",
    "Factor": "Factor",
    "Final settlement": "Liquidación final",
    "Head of the audit log on {day}: {head}": "Cabeza del registro de auditoría el {day}: {head}",
    "Invoice": "Factura",
    "Invoice number": "Número de factura",
    "Invoice {number}": "Factura {number}",
    "Issued on": "Emitida el",
    "Meter": "Contador",
    "Net": "Base",
    "Nothing is to be paid.": "No hay nada que pagar.",
    "Of invoice": "De la factura",
    "Page": "Página",
    "Part of the usage was estimated; it is settled with the next actual read.": (
        "Parte del consumo es estimada; se regulariza con la próxima lectura real."
    ),
    "Payment due": "Fecha límite de pago",
    "Please pay by {day}, quoting {number}.": "Pague antes del {day}, indicando {number}.",
    "Previous balance": "Saldo anterior",
    "Previous read": "Lectura anterior",
    "Price": "Precio",
    "Quantity": "Cantidad",
    "Register": "Registro",
    "Replaces invoice": "Sustituye a la factura",
    "Settlements": "Liquidaciones",
    "Tax no.": "NIF",
    "Taxes": "Impuestos",
    "Times of reads are local ({zones}). Usage is exact to the printed unit.": (
        "Las horas de lectura son locales ({zones}). El consumo es exacto en la unidad impresa."
    ),
    "Total": "Total",
    "Unit": "Unidad",
    "Usage": "Consumo",
    "after {day}": "después del {day}",
    "day": "día",
    "days": "días",
    "month": "mes",
    "months": "meses",
    "of": "de",
    "part estimated": "en parte estimado",
    "tier {number}": "tramo {number}",
    "was {old}, is {new}": "era {old}, es {new}",
    "year": "año",
    "years": "años",
    "{first} to {last}": "{first} a {last}",
    "{first} to {last} ({days} days)": "{first} a {last} ({days} días)",
    "settled after {day}": "liquidado después del {day}",
    "Base": "Base imponible",
    "Beside the period before": "Comparado con el periodo anterior",
    "Beside the same period a year before": "Comparado con el mismo periodo del año anterior",
    "Changing supplier": "Cambio de comercializadora",
    "Complaints": "Reclamaciones",
    "Estimated in part: {count} of {days} days ({listed}).": (
        "Estimado en parte: {count} de {days} días ({listed})."
    ),
    "Not taxed": "No sujeto",
    "Other charges": "Otros conceptos",
    "Pay by phone": "Pago con el móvil",
    "Pay to": "Beneficiario",
    "Prices and taxes": "Precios e impuestos",
    "Rate": "Tipo",
    "Reference": "Referencia",
    "Season": "Temporada",
    "Tariff: {tariff}": "Tarifa: {tariff}",
    "Tax": "Impuesto",
    "Tax amount": "Cuota",
    "{unit} per day": "{unit} al día",
    "Taxes by rate": "Desglose de impuestos",
    "This bill": "Esta factura",
    "Use": "Uso",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """The words, numbers and days of one language.

    Args:
        locale: `en` or `es`.
    """

    locale: str = "en"

    def __call__(self, text: str, **values: object) -> str:
        """A text of the code in the language, with values put in."""
        return (SPANISH[text] if self.locale == "es" else text).format(**values)

    def money(self, amount: Decimal, digits: int = 0) -> str:
        """An amount with thousands separated, its digits as they are.

        Args:
            amount: The amount.
            digits: Of its currency: at least so many are shown.
        """
        exponent = amount.as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) else 0
        return self.numeral(f"{amount:,.{max(digits, decimals)}f}")

    def change(self, amount: Decimal, digits: int) -> str:
        """An amount with its sign, whichever it has."""
        return f"{'+' if amount > 0 else ''}{self.money(amount, digits)}"

    def shown(self, value: Decimal) -> str:
        """A number with thousands separated, its digits as the register or the tariff has them."""
        return self.numeral(f"{value:,f}")

    def number(self, value: Decimal, *, least: int = 0) -> str:
        """A number with thousands separated and no needless zeros.

        Args:
            value: The number.
            least: Decimals that are always shown.
        """
        plain = value.normalize()
        exponent = plain.as_tuple().exponent
        digits = max(least, -exponent if isinstance(exponent, int) else 0)
        return self.numeral(f"{value:,.{digits}f}")

    def day(self, day: date) -> str:
        """A date that reads the same everywhere: 31 Oct 2026."""
        return format_date(day, _DAY, locale=self.locale)

    def short_day(self, day: date) -> str:
        """A date without its year: 31 Oct."""
        return format_date(day, _SHORT_DAY, locale=self.locale)

    def numeral(self, text: str) -> str:
        """A number written the English way (1,234.5), as this language writes it."""
        return text.translate(_separators(self.locale))

    def days(self, days: DayRange) -> str:
        """The first and the last of some days."""
        return self("{first} to {last}", first=self.day(days.first), last=self.day(days.last))

    def instant(self, instant: datetime, zone: str) -> str:
        """An instant in local time."""
        local = instant.astimezone(ZoneInfo(zone))
        return f"{self.day(local.date())} {local:%H:%M}"


@cache
def _separators(locale: str) -> dict[int, str]:
    """What stands for the English separators of thousands and decimals."""
    return str.maketrans({",": get_group_symbol(locale), ".": get_decimal_symbol(locale)})
