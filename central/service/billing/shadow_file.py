"""Lines that another system billed, as a CSV file, and its names for our charges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from central.domain.billing.shadow_bill import ShadowLine
from central.service.spreadsheet import listed_faults, number_of, records_of
from firmware_bridge.contract.errors import ConfigurationError

COLUMNS = ("account", "period", "charge", "amount")
OPTIONAL = ("label", "quantity", "price", "first", "end", "kind")
NAME_COLUMNS = ("name", "charge")
KINDS = ("", "charge", "tax")

Names = Mapping[str, tuple[str, str]]
"""What the other system calls a line, to our charge and label."""
ShadowLines = Mapping[tuple[str, str], tuple[ShadowLine, ...]]
"""Lines by account and period, in the order of the file."""


class ShadowFileError(ConfigurationError):
    """A file of another system's lines cannot be read; nothing of it was compared."""

    code = "SHADOW_REFUSED"


def read_names(text: str) -> Names:
    """What the other system calls our charges (CSV: name, charge, optionally label).

    Raises:
        ShadowFileError: It cannot be read; says why of each line.
    """
    names: dict[str, tuple[str, str]] = {}
    faults: list[str] = []
    try:
        for line, record in records_of(text, NAME_COLUMNS, (*NAME_COLUMNS, "label")):
            if isinstance(record, str):
                faults.append(f"line {line}: {record}")
            else:
                names[record["name"]] = record["charge"], record.get("label", "")
    except ValueError as error:
        faults.append(str(error))
    if faults:
        message = f"The names cannot be read: {listed_faults(faults)}."
        remedy = f"The first line names the columns: {', '.join(NAME_COLUMNS)}, label."
        raise ShadowFileError(message, value=faults, remedy=remedy)
    return names


def read_shadow_lines(
    text: str, names: Names | None = None, *, decimal_comma: bool = False
) -> ShadowLines:
    """Lines that another system billed.

    Args:
        text: CSV with `COLUMNS` and any of `OPTIONAL`.
        names: What it calls our charges; a name that is not there is a charge's id.
        decimal_comma: Whether a comma in a number is the decimal one.

    Raises:
        ShadowFileError: It cannot be read; says why of each line.
    """
    lines: dict[tuple[str, str], list[ShadowLine]] = defaultdict(list)
    faults: list[str] = []
    try:
        for number, record in records_of(text, COLUMNS, (*COLUMNS, *OPTIONAL)):
            if isinstance(record, str):
                faults.append(f"line {number}: {record}")
                continue
            try:
                line = _line(record, names or {}, decimal_comma=decimal_comma)
            except ValueError as error:
                faults.append(f"line {number}: {error}")
            else:
                lines[record["account"], record["period"]].append(line)
    except ValueError as error:
        faults.append(str(error))
    if faults:
        message = f"The lines cannot be read: {listed_faults(faults)}."
        remedy = f"The first line names the columns: {', '.join((*COLUMNS, *OPTIONAL))}."
        raise ShadowFileError(message, value=faults, remedy=remedy)
    return {key: tuple(of_bill) for key, of_bill in lines.items()}


def _line(record: Mapping[str, str], names: Names, *, decimal_comma: bool) -> ShadowLine:
    charge, label = names.get(record["charge"], (record["charge"], ""))
    kind = record.get("kind", "")
    if kind not in KINDS:
        message = f"{kind!r} is neither charge nor tax"
        raise ValueError(message)
    numbers = {
        name: number_of(record[name], decimal_comma=decimal_comma) if record.get(name) else None
        for name in ("quantity", "price")
    }
    days = {
        name: date.fromisoformat(record[name]) if record.get(name) else None
        for name in ("first", "end")
    }
    return ShadowLine(
        charge,
        record.get("label") or label,
        number_of(record["amount"], decimal_comma=decimal_comma),
        numbers["quantity"],
        numbers["price"],
        days["first"],
        days["end"],
        kind == "tax",
    )
