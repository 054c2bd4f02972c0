"""Tariffs of the Utility Rate Database: read into our own language, with a report per field.

Every field of a record ends as priced, informational or unsupported. Unsupported ones refuse the
record, unless the caller asks for what the reference prices; then exactly those fields are left out
that the reference ignores, and the report says so.

Source: OpenEI utility rate API, versions 7 and 8; rating.md, section 4
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load import load_tariff
from central.domain.tariff.refusal import Code, TariffFinding, TariffRefusedError
from central.domain.tariff.urdb_metering import Rule
from central.domain.tariff.urdb_rates import charges_of
from central.domain.tariff.urdb_record import Rates

Record = dict[str, Any]

_INFORMATIONAL = frozenset(
    [
        "label",
        "uri",
        "name",
        "utility",
        "eiaid",
        "eia",
        "sector",
        "servicetype",
        "description",
        "source",
        "sourceparent",
        "basicinformationcomments",
        "energycomments",
        "demandcomments",
        "approved",
        "is_default",
        "supersedes",
        "revisions",
        "country",
        "startdate",
        "enddate",
        "peakkwcapacitymin",
        "peakkwcapacitymax",
        "peakkwcapacityhistory",
        "peakkwhusagemin",
        "peakkwhusagemax",
        "peakkwhusagehistory",
        "voltageminimum",
        "voltagemaximum",
        "voltagecategory",
        "phasewiring",
        "demandunits",
        "demandunit",
        "demandUnits",
        "flatdemandunit",
        "flatdemandunits",
        "demandrateunit",
        "energyrateunit",
        "coincidentrateunit",
        "utilityname",
        "state",
        "zipcode",
        "zip",
        "distance",
        "rateid",
        "latest",
        "demandwindow",
        "supercedes",
        "fixedchargeeaaddl",
        "_id",
    ]
)
_PRICED = frozenset(
    [
        "energyratestructure",
        "energyweekdayschedule",
        "energyweekendschedule",
        "demandratestructure",
        "demandweekdayschedule",
        "demandweekendschedule",
        "flatdemandstructure",
        "flatdemandmonths",
        "fixedchargefirstmeter",
        "fixedchargeunits",
        "mincharge",
        "minchargeunits",
        "fixedmonthlycharge",
        "minmonthlycharge",
        "annualmincharge",
        "lookbackpercent",
        "lookbackrange",
        "lookbackmonths",
        "dgrules",
        "dgRules",
        "usenetmetering",
    ]
)
# What the reference's mapping leaves out, so that --reference may leave it out too.
REFERENCE_IGNORES = frozenset(
    [
        "fixedattrs",
        "fixedkeyvals",
        "demandkeyvals",
        "energykeyvals",
        "extraflatdemandmonths",
        "demandreactivepowercharge",
        "demandattrs",
        "energyattrs",
        "fixedmonthlycharge",
        "minmonthlycharge",
        "annualmincharge",
    ]
)
_REFERENCE_PREFIX = "pdp_"


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


@dataclass(slots=True)
class Imported:
    """A record in our own language.

    Args:
        document: The tariff.
        fields: What became of each field, in the order of the record.
        metering: What happens to generation beyond use.
        ignored: Fields that were left out as the reference does.
    """

    document: TariffDocument
    fields: tuple[FieldReport, ...]
    metering: Rule
    ignored: tuple[str, ...] = field(default=())


def read_records(text: str, file: str) -> list[Record]:
    """The records of a URDB file: one record, a list, or `{"items": [...]}`.

    Numbers are read exactly, as decimals.

    Raises:
        TariffRefusedError: The text is no JSON, or holds no record.
    """
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = f"The text is no JSON: {error}."
        raise _refused(Code.SYNTAX, file, "$", message) from None
    if isinstance(value, str):
        return read_records(value, file)
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        value = value["items"]
    records = value if isinstance(value, list) else [value]
    if not records or not all(isinstance(record, dict) for record in records):
        raise _refused(Code.WRONG_TYPE, file, "$", "The file holds no rate record.")
    return records


def _no_constant(text: str) -> Decimal:
    message = f"{text} is no number"
    raise ValueError(message)


def is_urdb(record: object) -> bool:
    """Whether a JSON value looks like a URDB record or a file of them."""
    if isinstance(record, list):
        return bool(record) and is_urdb(record[0])
    return isinstance(record, dict) and ("items" in record or "energyratestructure" in record)


def import_urdb(  # noqa: PLR0913 - what the caller may override
    record: Record,
    *,
    file: str = "urdb",
    zone: str = "UTC",
    effective: date = date(1, 1, 1),
    reference: bool = False,
    metering: Rule | None = None,
    generation: bool = False,
) -> Imported:
    """Import one record.

    Args:
        record: As `read_records` gives it.
        file: For findings.
        zone: IANA zone of the schedules.
        effective: First day in force; the record's own start date is reported, not used.
        reference: Leave out what the reference ignores, and bill by its conventions: a price per
            day is one per month of 365/12 days.
        metering: Overrides the record's rule for generation.
        generation: Whether the customer generates, so that the rule applies.

    Raises:
        TariffRefusedError: A field is unsupported or makes no sense.
    """
    fates = fates_of(record, reference=reference)
    findings = [
        TariffFinding(
            Code.NOT_SUPPORTED,
            file,
            1,
            fate.name,
            f"{fate.name!r} is not priced: {fate.note}.",
            "Remove it, or use --reference to leave out what the reference ignores.",
        )
        for fate in fates
        if fate.fate is Fate.UNSUPPORTED
    ]
    if findings:
        raise TariffRefusedError(findings)
    ignored = {fate.name for fate in fates if fate.fate is Fate.IGNORED}
    kept = {name: value for name, value in record.items() if name not in ignored}
    rule = metering or _rule(kept, file)
    rates = Rates(kept, file, reference=reference, metering=rule, generation=generation)
    said = charges_of(rates)
    said |= {
        "tariff": _identifier(record),
        "title": str(record.get("name") or "URDB rate"),
        "effective": effective.isoformat(),
        "zone": zone,
        "currency": {"code": "USD", "digits": "2"},
        "cycle": {"normal_days": "cycle", "daily": "month" if reference else "days"},
    }
    document = load_tariff(json.dumps(said), file=file)
    return Imported(document, fates, rule, tuple(sorted(ignored)))


def fates_of(record: Record, *, reference: bool = False) -> tuple[FieldReport, ...]:
    """What becomes of each field of a record, whether or not the record can be imported.

    Args:
        record: As `read_records` gives it.
        reference: Whether what the reference ignores is left out.
    """
    return tuple(_fate(name, value, reference=reference) for name, value in record.items())


def _rule(record: Record, file: str) -> Rule:
    said = str(record.get("dgrules") or record.get("dgRules") or Rule.NET_METERING)
    try:
        return Rule(said)
    except ValueError:
        message = f"{said!r} is no rule for generation."
        raise _refused(Code.NOT_A_CHOICE, file, "dgrules", message) from None


def _identifier(record: Record) -> str:
    label = str(record.get("label") or "rate")
    kept = "".join(letter for letter in label if letter.isalnum() or letter in "_.-")
    return f"urdb-{kept or 'rate'}"


def _fate(  # noqa: PLR0911 - one return per fate
    name: str, value: object, *, reference: bool
) -> FieldReport:
    if name in REFERENCE_IGNORES or name.startswith(_REFERENCE_PREFIX):
        if reference:
            return FieldReport(name, Fate.IGNORED)
        if name in _PRICED:
            return FieldReport(name, Fate.PRICED)
        if _is_nothing(value):
            return FieldReport(name, Fate.INFORMATIONAL, "it charges nothing")
        return FieldReport(name, Fate.UNSUPPORTED, "this release does not price it")
    if name in _PRICED:
        return FieldReport(name, Fate.PRICED)
    if name in _INFORMATIONAL:
        return FieldReport(name, Fate.INFORMATIONAL)
    if _is_nothing(value):
        return FieldReport(name, Fate.INFORMATIONAL, "it says nothing")
    return FieldReport(name, Fate.UNSUPPORTED, "this field is not known")


def _is_nothing(value: object) -> bool:
    if value is None or value == "" or value is False:
        return True
    if isinstance(value, list):
        return all(map(_is_nothing, value))
    if isinstance(value, dict):
        return all(map(_is_nothing, value.values()))
    return isinstance(value, int | Decimal) and value == 0


def _refused(code: Code, file: str, path: str, message: str) -> TariffRefusedError:
    remedy = "Give a URDB record, a list of them, or an object with `items`."
    return TariffRefusedError([TariffFinding(code, file, 1, path, message, remedy)])
