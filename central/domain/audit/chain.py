"""The chain over the audit log: each seal has a number, the hash before it, and its own.

    hash(n) = SHA-256( hash(n - 1) + what row n says )

A row that was changed no longer has its hash; a row or seal that is gone leaves a hole; a tail that
was cut off is shorter than what was anchored outside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

NO_HASH = bytes(32)
SHORT_BYTES = 12
"""Of a hash, as documents print it: nobody finds another log that has the same."""


class SealForm(IntEnum):
    """How a seal's hash is made. Stored: never renumbered."""

    CHAINED = 1
    """Of rows that were chained as they were written: they know no way."""
    SEALED = 2
    """Of rows that do not say from where."""
    WITH_ORIGIN = 3


@dataclass(frozen=True, slots=True)
class AuditText:
    """A row of the log, as it is hashed.

    Args:
        id: Its key.
        at_us: When. [us since 1970]
        actor: Key of who acted.
        via: By which way; None in rows of before.
        action: What was done.
        subject: To what.
        detail: JSON text, as the database writes it.
        origin: From where; None in rows of before.
    """

    id: int
    at_us: int
    actor: str
    via: str | None
    action: str
    subject: str
    detail: str
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A seal and the row that it is for.

    Args:
        number: Of the seal, from 1.
        form: How the hash is made.
        previous: The hash before.
        sha256: The hash.
        row_id: The row's key.
        row: What the row says now; None where it is gone.
    """

    number: int
    form: int
    previous: bytes
    sha256: bytes
    row_id: int
    row: AuditText | None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest seal.

    Args:
        number: Of the seal; 0 where there is none.
        sha256: Its hash.
    """

    number: int = 0
    sha256: bytes = NO_HASH

    def __str__(self) -> str:
        """As it is anchored on a document."""
        return f"{self.number}:{self.sha256.hex()}"

    @property
    def short(self) -> str:
        """As a document prints it; "" where there is no seal."""
        return f"{self.number}:{self.sha256[:SHORT_BYTES].hex()}" if self.number else ""


class BreakCode(StrEnum):
    """What is wrong with the log. Printed: never renamed."""

    ROW_CHANGED = "AUDIT_ROW_CHANGED"
    ROW_MISSING = "AUDIT_ROW_MISSING"
    SEAL_MISSING = "AUDIT_SEAL_MISSING"
    SEAL_CHANGED = "AUDIT_SEAL_CHANGED"
    TAIL_CUT = "AUDIT_TAIL_CUT"
    ANCHOR_DIFFERS = "AUDIT_ANCHOR_DIFFERS"
    ROW_UNSEALED = "AUDIT_ROW_UNSEALED"
    PERSONAL_CHANGED = "AUDIT_PERSONAL_CHANGED"


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first place at which the log does not hold.

    Args:
        code: What is wrong.
        message: One sentence.
        number: Of the seal, if it has one.
        row_id: Key of the row, if it is known.
    """

    code: BreakCode
    message: str
    number: int | None = None
    row_id: int | None = None


def seal_hash(form: SealForm, number: int, row: AuditText, previous: bytes) -> bytes:
    """The hash of a seal, over the hash before and what the row says."""
    if form is SealForm.CHAINED:
        parts = [str(row.id), str(row.at_us)]
        for text in (row.actor, row.action, row.subject):
            parts += [str(len(text)), text]
        text = "|".join([*parts, row.detail])
    else:
        fields = [number, row.id, row.at_us, row.actor, row.via, row.action, row.subject]
        origin = [row.origin] if form is SealForm.WITH_ORIGIN else []
        text = json.dumps([*fields, row.detail, *origin], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode()).digest()


class ChainCheck:
    """Follows a chain from its first seal on, and stops where it does not hold.

    Args:
        anchors: Hashes that were anchored outside, or how they begin, by number of their seal.
    """

    def __init__(self, anchors: Mapping[int, bytes] | None = None) -> None:
        self._anchors = dict(anchors or {})
        self.head = ChainHead()

    def take(self, rows: Iterable[SealedRow]) -> ChainBreak | None:
        """Follow the next seals; the first break, or None."""
        for row in rows:
            broken = self._one(row)
            if broken is not None:
                return broken
            self.head = ChainHead(row.number, row.sha256)
        return None

    def _one(self, sealed: SealedRow) -> ChainBreak | None:
        number, key = self.head.number + 1, sealed.row_id
        if sealed.number != number:
            message = f"The seal {number} is missing; the next is {sealed.number}."
            return ChainBreak(BreakCode.SEAL_MISSING, message, number)
        if sealed.previous != self.head.sha256 or sealed.form not in set(SealForm):
            message = f"The seal {number}, of row {key}, does not follow the one before it."
            return ChainBreak(BreakCode.SEAL_CHANGED, message, number, key)
        if sealed.row is None:
            message = f"The row {key}, of seal {number}, is missing."
            return ChainBreak(BreakCode.ROW_MISSING, message, number, key)
        form = SealForm(sealed.form)
        is_same = seal_hash(form, number, sealed.row, sealed.previous) == sealed.sha256
        # A seal that does not speak of it was made for a row that did not say it.
        if not is_same or (form < SealForm.WITH_ORIGIN and sealed.row.origin is not None):
            message = f"The row {key} is not what seal {number} was made for."
            return ChainBreak(BreakCode.ROW_CHANGED, message, number, key)
        anchored = self._anchors.get(number)
        if anchored is not None and not sealed.sha256.startswith(anchored):
            message = (
                f"The seal {number}, of row {key}, is not the one that was anchored: it or one"
                " before it was made again."
            )
            return ChainBreak(BreakCode.ANCHOR_DIFFERS, message, number, key)
        return None

    def end(self) -> ChainBreak | None:
        """Whether the chain ends before what was anchored."""
        last = max(self._anchors, default=0)
        if last <= self.head.number:
            return None
        message = f"The log ends at seal {self.head.number}, but seal {last} was anchored."
        return ChainBreak(BreakCode.TAIL_CUT, message, self.head.number + 1)
