"""A record of the register: what is hashed of it, and whether a chain of them holds.

Source: https://sede.agenciatributaria.gob.es, VERI*FACTU, on how the hash is made
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

CENTS = 2


class FiscalMode(StrEnum):
    """Which register is written. Stored: never renamed."""

    NONE = "none"
    VERIFACTU = "verifactu"


class RecordKind(StrEnum):
    """What a record says of its invoice. Stored: never renamed."""

    REGISTRATION = "registration"
    """It was issued."""
    CANCELLATION = "cancellation"
    """Its registration was a mistake. What an invoice charged is taken back by a credit note, which
    has a registration of its own."""


@dataclass(frozen=True, slots=True)
class FiscalRecord:
    """A record.

    Args:
        kind: What it says.
        issuer: Tax number of who issued the invoice.
        number: Of the invoice.
        issued: Local day of issue.
        invoice_type: F1 for an invoice, F2 for one that names no tax number of the buyer, R1 and R5
            for their credit notes; "" of a cancellation.
        tax: Value added tax. [currency]
        total: With tax. [currency]
        previous: Hash of the record before it in the chain, in capitals; "" for the first.
        at: When it was made. Aware, to the second, in the zone that is said.
    """

    kind: RecordKind
    issuer: str
    number: str
    issued: date
    invoice_type: str
    tax: Decimal
    total: Decimal
    previous: str
    at: datetime

    @property
    def hashed_text(self) -> str:
        """What is hashed."""
        day, at = f"{self.issued:%d-%m-%Y}", self.at.isoformat(timespec="seconds")
        if self.kind is RecordKind.CANCELLATION:
            return (
                f"IDEmisorFacturaAnulada={self.issuer}&NumSerieFacturaAnulada={self.number}"
                f"&FechaExpedicionFacturaAnulada={day}&Huella={self.previous}"
                f"&FechaHoraHusoGenRegistro={at}"
            )
        return (
            f"IDEmisorFactura={self.issuer}&NumSerieFactura={self.number}"
            f"&FechaExpedicionFactura={day}&TipoFactura={self.invoice_type}"
            f"&CuotaTotal={self.tax:.{CENTS}f}&ImporteTotal={self.total:.{CENTS}f}"
            f"&Huella={self.previous}&FechaHoraHusoGenRegistro={at}"
        )

    @property
    def sha256(self) -> str:
        """Its hash, in hexadecimal capitals."""
        return hashlib.sha256(self.hashed_text.encode()).hexdigest().upper()


@dataclass(frozen=True, slots=True)
class ChainedRecord:
    """A record at its place in its issuer's chain, as it was kept.

    Args:
        ordinal: From 1.
        record: What it says.
        sha256: As it was kept, in capitals.
    """

    ordinal: int
    record: FiscalRecord
    sha256: str


@dataclass(frozen=True, slots=True)
class ChainFault:
    """Where a chain does not hold.

    Args:
        ordinal: Of the record, from 1.
        number: Of its invoice.
        message: What is wrong, in a sentence.
    """

    ordinal: int
    number: str
    message: str


def chain_faults(chain: Iterable[ChainedRecord]) -> Iterator[ChainFault]:
    """Where the chain of one issuer does not hold.

    Args:
        chain: All its records, by ordinal.
    """
    before, last = "", 0
    for entry in chain:
        record = entry.record
        if entry.ordinal != last + 1:
            message = f"Records {last + 1} to {entry.ordinal - 1} are missing."
            yield ChainFault(entry.ordinal, record.number, message)
        elif record.previous != before:
            message = f"It names {record.previous or 'nothing'} as the hash before it."
            yield ChainFault(entry.ordinal, record.number, message)
        if record.sha256 != entry.sha256:
            message = f"What it says has the hash {record.sha256}, not {entry.sha256}."
            yield ChainFault(entry.ordinal, record.number, message)
        before, last = entry.sha256, entry.ordinal
