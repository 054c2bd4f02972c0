"""What banks hold, by which no version of a tariff may take another's for something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from central.domain.tariff.document import TariffDocument


class UnlikeBank(NamedTuple):
    """A bank that two documents have, of which each would read the other's amounts wrongly.

    Args:
        name: In both.
        before: What the one holds.
        after: What the other holds.
    """

    name: str
    before: str
    after: str


def bank_units(document: TariffDocument) -> dict[str, str]:
    """What each bank of a tariff holds, by its name: `kWh by period`, `EUR`."""
    energy = {bank.name: f"kWh by {bank.basis}" for bank in document.energy_banks}
    return energy | dict.fromkeys(
        (bank.name for bank in document.money_banks), document.currency.code
    )


def unlike_banks(before: TariffDocument, after: TariffDocument) -> Iterator[UnlikeBank]:
    """Banks of one name in both that hold something else."""
    units = bank_units(after)
    for name, unit in bank_units(before).items():
        if units.get(name, unit) != unit:
            yield UnlikeBank(name, unit, units[name])
