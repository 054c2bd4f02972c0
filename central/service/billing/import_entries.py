"""Post the entries of a file to accounts' ledgers: each once, and each with its own result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from central.domain.actor import Actor
from central.domain.billing.ledger import BANKED, DEFAULT_BANK, EntryKind, LedgerEntry
from central.service.billing.post_entries import AccountLedger
from central.service.ports.ingest import StoreUnavailableError
from central.service.spreadsheet import records_of
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError, MeterlineError
from firmware_bridge.contract.plain_number import plain_decimal
from firmware_bridge.contract.plain_text import flaw

_NEEDED = ("key", "account", "kind", "amount", "currency", "day")
_MORE = ("bank", "point", "bill", "of", "name", "taxes", "expires", "reason")


class EntriesFileError(ConfigurationError):
    """A file is no table of entries; nothing of it is posted."""

    code = "ENTRIES_FILE"
    default_remedy = f"Write a table with the columns {', '.join(_NEEDED)}."


class EntryLine(NamedTuple):
    """A line of a file of entries.

    Args:
        line: Its number, from 1.
        entry: What it says, or why it cannot be read.
        reason: Why it is posted; "" where the line says none.
    """

    line: int
    entry: LedgerEntry | MeterlineError
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What became of a line.

    Args:
        line: Its number, from 1.
        key: Of its entry; "" where it cannot be read.
        effect: `added`, `unchanged` or `refused`.
        error: Why it is refused.
    """

    line: int
    key: str
    effect: str
    error: MeterlineError | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        why = {} if self.error is None else self.error.as_object()
        return {"line": self.line, "key": self.key, "effect": self.effect, **why}


def entries_of_file(text: str, file: str) -> Iterator[EntryLine]:
    """The entries of a table.

    Args:
        text: CSV with a line of names.
        file: Its name, for messages.

    Raises:
        EntriesFileError: It is no such table.
    """
    try:
        for line, row in records_of(text, _NEEDED, (*_NEEDED, *_MORE)):
            if isinstance(row, str):
                yield EntryLine(line, InvalidValueError(f"The line {row}.", value=line))
            else:
                yield EntryLine(line, _entry(row), row.get("reason", ""))
    except ValueError as error:
        if isinstance(error, MeterlineError):
            raise
        message = f"{file} is not such a table: {error}."
        raise EntriesFileError(message, value=file) from error


async def post_all(
    ledger: AccountLedger,
    lines: Iterator[EntryLine],
    actor: Actor,
    reason: str,
    *,
    keep: bool = True,
) -> list[EntryResult]:
    """Post entries one after another, in their order; one that is refused stops no other.

    Args:
        ledger: Of all accounts.
        lines: As `entries_of_file` gives them.
        actor: Who posts them.
        reason: Why, where a line says none.
        keep: Whether they are kept; else it is only said what would become of each by itself.

    Raises:
        StoreUnavailableError: Post them again; what is posted is known.
    """
    results = []
    for line, entry, own_reason in lines:
        if isinstance(entry, MeterlineError):
            results.append(EntryResult(line, "", "refused", entry))
            continue
        try:
            new = await ledger.post(entry, actor, own_reason or reason, keep=keep)
        except StoreUnavailableError:
            raise
        except MeterlineError as error:
            results.append(EntryResult(line, entry.key, "refused", error))
        else:
            results.append(EntryResult(line, entry.key, "added" if new else "unchanged"))
    return results


def _entry(row: dict[str, str]) -> LedgerEntry | MeterlineError:
    try:
        return _read(row)
    except MeterlineError as error:
        return error


def _read(row: dict[str, str]) -> LedgerEntry:
    for name, text in row.items():
        fault = flaw(text)
        if fault is not None:
            message = f"The column {name} contains {fault}."
            raise InvalidValueError(message, value=name)
    amount = plain_decimal(row["amount"])
    if amount is None:
        message = f"{row['amount']!r} is not an amount, such as 50.00."
        raise InvalidValueError(message, value=row["amount"])
    try:
        kind, day = EntryKind(row["kind"]), date.fromisoformat(row["day"])
    except ValueError as error:
        message = f"{row['kind']!r} on {row['day']!r} is no kind of entry, or no day."
        remedy = f"Kinds are {', '.join(EntryKind)}; a day is 2026-10-31."
        raise InvalidValueError(message, value=row["kind"], remedy=remedy) from error
    expires = row.get("expires", "")
    try:
        expiry = date.fromisoformat(expires) if expires else None
    except ValueError as error:
        message = f"{expires!r} is no day, such as 2026-10-31."
        raise InvalidValueError(message, value=expires) from error
    return LedgerEntry(
        row["key"],
        row["account"],
        kind,
        day,
        row["currency"],
        amount,
        row.get("bank") or (DEFAULT_BANK if kind in BANKED else ""),
        row.get("point", ""),
        row.get("bill", ""),
        row.get("of", ""),
        row.get("name", ""),
        tuple(row.get("taxes", "").split()),
        expiry,
    )
