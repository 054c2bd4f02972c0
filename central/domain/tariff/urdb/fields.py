"""What becomes of each field of a URDB record: priced, informational, unsupported, or ignored.

Source: OpenEI utility rate API, versions 3 to 8; docs/reference/rating.md, "Importing URDB"
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

Record = dict[str, Any]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_INFORMATIONAL = _words(
    """
    label uri name utility utilityname utility_id eiaid eia sector servicetype description source
    sourceparent basicinformationcomments energycomments demandcomments approved is_default
    isdefault supersedes supercedes revisions latest latest_update country startdate enddate
    peakkwcapacitymin peakkwcapacitymax peakkwcapacityhistory peakkwhusagemin peakkwhusagemax
    peakkwhusagehistory voltageminimum voltagemaximum voltagecategory phasewiring demandunits
    demandunit energyrateunit energytoulabels demandtoulabels demandlabels state zipcode zip
    distance rateid fixedchargeeaaddl _id
    """
)
_PRICED = _words(
    """
    energyratestructure energyweekdayschedule energyweekendschedule fueladjustmentsmonthly
    demandratestructure demandweekdayschedule demandweekendschedule demandwindow
    flatdemandstructure flatdemandmonths fixedchargefirstmeter fixedchargeunits mincharge
    minchargeunits fixedmonthlycharge minmonthlycharge annualmincharge lookbackpercent
    lookbackrange lookbackmonths dgrules usenetmetering flatdemandunit flatdemandunits
    demandrateunit
    """
)
# What the reference's mapping leaves out, so that --reference may leave it out too.
REFERENCE_IGNORES = _words(
    """
    fixedattrs fixedkeyvals demandkeyvals energykeyvals extraflatdemandmonths
    demandreactivepowercharge demandattrs energyattrs fixedmonthlycharge minmonthlycharge
    annualmincharge fueladjustmentsmonthly demandwindow demandratchetpercentage
    coincidentratestructure coincidentrateschedule coincidentrateunit flatdemandunit
    flatdemandunits demandrateunit
    """
)
# What the reference reads only where another field is there.
_IDLE_WITHOUT = {"flatdemandstructure": "flatdemandmonths"}
_REFERENCE_PREFIX = "pdp_"
_UNITS_OF_DEMAND = frozenset({"flatdemandunit", "flatdemandunits", "demandrateunit"})


_STRUCTURES = _words(
    """
    energyratestructure demandratestructure flatdemandstructure coincidentratestructure
    fixedchargefirstmeter fixedmonthlycharge
    """
)


class Fate(StrEnum):
    """What became of a field."""

    PRICED = "priced"
    INFORMATIONAL = "informational"
    UNSUPPORTED = "unsupported"
    IGNORED = "ignored as the reference does"


@dataclass(frozen=True, slots=True)
class FieldReport:
    """What became of one field of a record."""

    name: str
    fate: Fate
    note: str = ""


def is_urdb(record: object) -> bool:
    """Whether a JSON value looks like a URDB record or a file of them."""
    if isinstance(record, list):
        return bool(record) and is_urdb(record[0])
    if not isinstance(record, dict) or "tariff" in record:
        return False
    names = {str(name).lower() for name in record}
    return "items" in names or bool(names & _STRUCTURES)


def fates_of(record: Record, *, reference: bool = False) -> tuple[FieldReport, ...]:
    """What becomes of each field of a record, whether or not the record can be imported.

    Args:
        record: As `read_records` gives it.
        reference: Whether what the reference ignores is left out.
    """
    given = {name.lower() for name, value in record.items() if value is not None}
    idle = {name for name, needed in _IDLE_WITHOUT.items() if needed not in given}
    return tuple(
        FieldReport(name, Fate.IGNORED, "it names no months")
        if reference and name.lower() in idle and not _is_nothing(value)
        else _fate(name, value, reference=reference)
        for name, value in record.items()
    )


def _fate(  # noqa: PLR0911 - one return per fate
    own: str, value: object, *, reference: bool
) -> FieldReport:
    name = own.lower()
    if name in _UNITS_OF_DEMAND and str(value).lower() in {"kw", "none", ""}:
        return FieldReport(own, Fate.INFORMATIONAL)
    if name in REFERENCE_IGNORES or name.startswith(_REFERENCE_PREFIX):
        if _is_nothing(value):
            return FieldReport(own, Fate.INFORMATIONAL, "it charges nothing")
        if reference:
            return FieldReport(own, Fate.IGNORED)
        if name in _PRICED:
            return FieldReport(own, Fate.PRICED)
        return FieldReport(own, Fate.UNSUPPORTED, "this release does not price it")
    if name in _PRICED:
        return FieldReport(own, Fate.PRICED)
    if name in _INFORMATIONAL:
        return FieldReport(own, Fate.INFORMATIONAL)
    if _is_nothing(value):
        return FieldReport(own, Fate.INFORMATIONAL, "it is empty")
    return FieldReport(own, Fate.UNSUPPORTED, "this field is not known")


def _is_nothing(value: object) -> bool:
    if value is None or value == "" or value is False:
        return True
    if isinstance(value, list):
        return all(map(_is_nothing, value))
    if isinstance(value, dict):
        return all(map(_is_nothing, value.values()))
    return isinstance(value, int | Decimal) and value == 0
