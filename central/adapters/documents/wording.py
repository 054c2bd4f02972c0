"""What documents say in the language of their bill; English is what the code says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

_MONTHS = {
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "es": "ene feb mar abr may jun jul ago sep oct nov dic",
}
_SWAPPED = str.maketrans(",.", ".,")

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

    def money(self, amount: Decimal) -> str:
        """An amount with thousands separated, its digits as they are."""
        return self._numeral(f"{amount:,f}")

    def shown(self, value: Decimal) -> str:
        """A number with thousands separated, its digits as the register or the tariff has them."""
        return self._numeral(f"{value:,f}")

    def number(self, value: Decimal, *, least: int = 0) -> str:
        """A number with thousands separated and no needless zeros.

        Args:
            value: The number.
            least: Decimals that are always shown.
        """
        plain = value.normalize()
        exponent = plain.as_tuple().exponent
        digits = max(least, -exponent if isinstance(exponent, int) else 0)
        return self._numeral(f"{value:,.{digits}f}")

    def day(self, day: date) -> str:
        """A date that reads the same everywhere: 31 Oct 2026."""
        return f"{day.day} {_MONTHS[self.locale].split()[day.month - 1]} {day.year}"

    def instant(self, instant: datetime, zone: str) -> str:
        """An instant in local time."""
        local = instant.astimezone(ZoneInfo(zone))
        return f"{self.day(local.date())} {local:%H:%M}"

    def _numeral(self, text: str) -> str:
        return text.translate(_SWAPPED) if self.locale == "es" else text
