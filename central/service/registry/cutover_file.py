"""A cut-over file: what another billing system knew of the accounts that are taken over.

    number_series: {INV: 10233}                 # the last number that it gave in a series
    accounts:
      - number: A-1001
        balance: 12.40                          # owed; below zero in credit
        points:
          - point: SP-1
            service: electricity                # left out: the one that bills all
            last_billed: 2026-09-30
            reads: [{meter: MTL/1001, obis: 1.8.0, value: 8421077}]
            banks:
              - {bank: solar, period: peak, earned: 2026-08, amount: 595.2}
              - {bank: prepaid, earned: 2026-09, amount: 50, expires: 2027-01-01}
            peaks: [{name: kw_max, period: peak, month: 2026-08, value: 7.2}]
            sums: {yearly_minimum: {amount: 310.55, since: 2026-03-15}}
            deferrals: {budget_billing: 103.33}
            totals: {2026-08: 45.10}
            nets: [{name: over, period: peak, amount: -210.4}]

Reads are those at the end of the last billed day, in the unit of the point's channel. Banks, peaks,
sums and deferrals have the names that the account's tariff gives them. A sum may be an amount alone
where it counts its year or term from the first day. A net is what was used less what was fed in
since the season or year began that the tariff nets over, below zero for surplus. Money may lapse on
a local day of its own.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from central.domain.billing.cutover_opening import CutoverOpening, TakeoverRead
from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Credit,
    Level,
    MonthTotal,
    Origin,
    Peak,
    YearSum,
)
from central.domain.rating.inputs.expiry import NEVER
from central.service.registry.yaml_file import read_yaml_file
from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.obis import Obis


class CutoverFileError(ConfigurationError):
    """A cut-over file cannot be read; nothing of it was imported."""

    code = "CUTOVER_FILE_REFUSED"


def _month(value: object) -> object:
    return f"{value}-01" if isinstance(value, str) and len(value) == len("2026-08") else value


def _obis(value: object) -> object:
    return Obis.parse(value) if isinstance(value, str) else value


Month = Annotated[date, BeforeValidator(_month)]
Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=28)]
Positive = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=28, ge=0)]
Code = Annotated[Obis, BeforeValidator(_obis)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ReadEntry(_Model):
    """A register at the end of the last billed day."""

    meter: str = Field(pattern=r"^[^/]+/.+$")
    obis: Code
    value: Positive


class BankEntry(_Model):
    """What is left of a credit; money may have a day of its own on which it lapses."""

    bank: str = Field(min_length=1)
    period: str = ""
    earned: Month
    amount: Positive
    expires: date | None = None

    def credit(self) -> Credit:
        """The credit that a bill opens with."""
        expires = NEVER if self.expires is None else self.expires
        return Credit(self.bank, self.period, self.earned, Fraction(self.amount), expires=expires)


class PeakEntry(_Model):
    """A metered peak of an earlier month."""

    name: str = Field(min_length=1)
    period: str = ""
    month: Month
    value: Positive


class SumEntry(_Model):
    """What a year or term has come to; since its own first day where no other is said."""

    amount: Amount
    since: date | None = None


class NetEntry(_Model):
    """What a season or year nets to so far, in the determinant's unit; below zero for surplus."""

    name: str = Field(min_length=1)
    period: str = ""
    amount: Amount


def _sum(value: object) -> object:
    return value if isinstance(value, dict | SumEntry) else {"amount": value}


class CutoverPointEntry(_Model):
    """A point and service that are taken over."""

    point: str = Field(min_length=1)
    service: str | None = Field(default=None, min_length=1)
    last_billed: date
    reads: tuple[ReadEntry, ...] = ()
    banks: tuple[BankEntry, ...] = ()
    peaks: tuple[PeakEntry, ...] = ()
    sums: dict[str, Annotated[SumEntry, BeforeValidator(_sum)]] = {}
    deferrals: dict[str, Amount] = {}
    totals: dict[Month, Amount] = {}
    nets: tuple[NetEntry, ...] = ()

    def opening(self, balance: Decimal | None) -> CutoverOpening:
        """What the occupancy opens with.

        Args:
            balance: Of the account, where this is its first point.
        """
        sums = [
            YearSum(name, entry.amount, Origin(entry.since)) for name, entry in self.sums.items()
        ]
        sums += [YearSum(name, amount) for name, amount in self.deferrals.items()]
        state = CarriedState(
            peaks=tuple(
                sorted(Peak(p.name, p.period, p.month, Fraction(p.value)) for p in self.peaks)
            ),
            credits=tuple(sorted(bank.credit() for bank in self.banks)),
            sums=tuple(sorted(sums)),
            totals=tuple(sorted(MonthTotal(month, total) for month, total in self.totals.items())),
            levels=tuple(
                sorted(Level(net.name, net.period, "", Fraction(net.amount)) for net in self.nets)
            ),
        )
        reads = sorted(TakeoverRead(read.meter, read.obis, read.value) for read in self.reads)
        return CutoverOpening(self.last_billed, state, tuple(reads), balance)


class CutoverAccountEntry(_Model):
    """An account that is taken over."""

    number: str = Field(min_length=1)
    balance: Amount | None = None
    points: tuple[CutoverPointEntry, ...] = Field(min_length=1)


class CutoverFile(_Model):
    """A whole file."""

    number_series: dict[str, Annotated[int, Field(ge=0, lt=2**63)]] = {}
    accounts: tuple[CutoverAccountEntry, ...] = ()


def read_cutover_file(path: Path) -> CutoverFile:
    """Read a cut-over file.

    Raises:
        CutoverFileError: It is not such a file; says every fault.
        OSError: It cannot be read.
    """
    return read_yaml_file(path, CutoverFile, CutoverFileError)
