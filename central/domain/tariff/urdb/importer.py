"""Tariffs of the Utility Rate Database: read into our own language, with a report per field.

Every field of a record ends as priced, informational or unsupported. Unsupported ones refuse the
record, unless the caller asks for what the reference prices; then exactly those fields are left out
that the reference ignores, and the report says so.

Source: OpenEI utility rate API, versions 3 to 8; docs/reference/rating.md, "Importing URDB"
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffFinding, TariffRefusedError
from central.domain.tariff.urdb.fields import Fate, FieldReport, Record, fates_of
from central.domain.tariff.urdb.metering import Rule
from central.domain.tariff.urdb.rates import charges_of
from central.domain.tariff.urdb.record import Rates


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
        TariffRefusedError: The text is not valid JSON, or holds no record.
    """
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = f"The text is not valid JSON: {error}."
        raise _refused(Code.SYNTAX, file, "$", message) from None
    if isinstance(value, str):
        return read_records(value, file)
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        value = value["items"]
    records = value if isinstance(value, list) else [value]
    if not records or not all(isinstance(record, dict) for record in records):
        raise _refused(Code.WRONG_TYPE, file, "$", "The file contains no rate record.")
    return records


def _no_constant(text: str) -> Decimal:
    message = f"{text} is not a number"
    raise ValueError(message)


def import_urdb(  # noqa: PLR0913 - what the caller may override
    record: Record,
    *,
    file: str = "urdb",
    zone: str = "UTC",
    effective: date = date(1, 1, 1),
    reference: bool = False,
    metering: Rule | None = None,
    generation: bool = False,
    step_minutes: int | None = None,
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
        step_minutes: Of the load, where it is known: a demand window that its steps do not
            divide is one step.

    Raises:
        TariffRefusedError: A field is unsupported or makes no sense.
    """
    fates = fates_of(record, reference=reference)
    record = _lower(record, file)
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
    ignored = {fate.name.lower() for fate in fates if fate.fate is Fate.IGNORED}
    kept = {name: value for name, value in record.items() if name not in ignored}
    rule = metering or _rule(kept, file)
    rates = Rates(
        kept,
        file,
        reference=reference,
        metering=rule,
        generation=generation,
        step_minutes=step_minutes,
    )
    said = charges_of(rates)
    said |= {
        "tariff": _identifier(record),
        "title": _printable(record.get("name")) or "URDB rate",
        "effective": effective.isoformat(),
        "zone": zone,
        "currency": {"code": "USD", "digits": "2"},
        "cycle": {"normal_days": "cycle", "daily": "month" if reference else "days"},
    }
    document = load_tariff(json.dumps(said, ensure_ascii=False), file=file)
    return Imported(document, fates, rule, tuple(sorted(ignored)))


def _lower(record: Record, file: str) -> Record:
    """The record with its field names in lower case, as most files have them."""
    found: Record = {}
    for name, value in record.items():
        if name.lower() in found:
            message = f"The record has the field {name.lower()!r} twice."
            raise _refused(Code.DUPLICATE_KEY, file, name, message, "Keep one of them.")
        found[name.lower()] = value
    return found


def _printable(value: object) -> str:
    """A title of the characters that every printer and file can hold."""
    return "".join(letter for letter in str(value or "") if letter.isprintable()).strip()[:200]


def _rule(record: Record, file: str) -> Rule:
    said = str(record.get("dgrules") or Rule.NET_METERING)
    try:
        return Rule(said)
    except ValueError:
        message = f"{said!r} is not a rule for generation."
        remedy = f"Use {', '.join(Rule)}."
        raise _refused(Code.NOT_A_CHOICE, file, "dgrules", message, remedy) from None


def _identifier(record: Record) -> str:
    label = str(record.get("label") or "rate")
    kept = "".join(c for c in label if c.isascii() and (c.isalnum() or c in "_.-"))
    return f"urdb-{kept[:100] or 'rate'}"


def _refused(
    code: Code,
    file: str,
    path: str,
    message: str,
    remedy: str = "Give a URDB record, a list of them, or an object with `items`.",
) -> TariffRefusedError:
    return TariffRefusedError([TariffFinding(code, file, 1, path, message, remedy)])
