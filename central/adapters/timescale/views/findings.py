"""Open findings, as pages show them; the statements are in `field.sql`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from central.adapters.timescale.named_query import Asker, Record, as_bigint, as_text
from central.domain.vee.finding import Severity
from central.service.views.field import FindingView
from central.service.views.paging import (
    Key,
    Page,
    decode_cursor,
    instant_key,
    instant_of_cursor,
    paged,
)
from firmware_bridge.contract.quantity import INT64_MAX, INT64_MIN

# What comes first among findings of one instant: letters of their identifiers, the last one first.
_VEE, _INGEST, _DOCUMENT = "v", "i", "d"
_BEHIND: LiteralString = (
    "(vee_finding.raised_at, vee_finding.id) < (%(at)s::timestamptz, %(id)s::bigint)"
)
_FIRST: LiteralString = "vee_finding.severity = 'critical'"


class _Behind(NamedTuple):
    """Behind which finding a page begins.

    Args:
        holds: Whether it is one of those that come first.
        at: When it was found; None where the page is the first.
        kind: Letter of its identifier.
        number: Number of its identifier.
    """

    holds: bool
    at: datetime | None
    kind: str = ""
    number: int = INT64_MAX

    @classmethod
    def of_key(cls, key: Key | None) -> _Behind:
        """As a cursor says."""
        if key is None:
            return cls(holds=True, at=None)
        return cls(bool(key[0]), instant_of_cursor(key[1]), str(key[2]), int(key[3]))

    def of(self, kind: str) -> dict[str, Any]:
        """Values of the places of a statement on findings of a kind."""
        if self.at is None:
            return {"at": "infinity", "id": INT64_MAX}
        number = INT64_MAX if kind < self.kind else INT64_MIN if kind > self.kind else self.number
        return {"at": self.at, "id": number}

    def of_others(self, kind: str) -> dict[str, Any]:
        """The same of a kind of which none holds a bill."""
        return {"at": "infinity", "id": INT64_MAX} if self.holds else self.of(kind)

    def pieces(self, *, of_one: bool) -> dict[str, LiteralString]:
        """Pieces of the statement on findings of validation."""
        if not of_one:
            return {"{first}": "", "{behind}": _BEHIND}
        if self.holds:
            behind: LiteralString = f"({_BEHIND} OR NOT {_FIRST})"
        else:
            behind = f"({_BEHIND} AND NOT {_FIRST})"
        return {"{first}": f"{_FIRST} DESC,", "{behind}": behind}


class FieldFindings:
    """Reads findings of ingest and of validation, and documents that could not be made.

    Args:
        ask: The statements of the field.
    """

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    async def page(
        self,
        gateway: str | None,
        meter: str | None,
        after: str | None,
        limit: int,
        since: datetime | None = None,
    ) -> Page[FindingView]:
        """The newest of everything; of a gateway or meter those first that hold a bill.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        behind = _Behind.of_key(decode_cursor(after, (int, str, str, int)))
        number = None if meter is None else as_bigint(meter)
        name = None if gateway is None else as_text(gateway)
        if (meter is not None and number is None) or (gateway is not None and name is None):
            return Page(())
        asked = {"meter": number, "gateway": name}
        of_one = meter is not None or gateway is not None
        points = [row[0] for row in await self._ask.rows("points_of", asked)] if of_one else None
        shown = {"limit": limit + 1, "since": since}
        others = {**shown, **behind.of_others(_INGEST)}
        rows = [*await self._ask.rows("findings", {**asked, **others})]
        # Of everything an index gives the newest; of one place those that hold a bill come first.
        query = self._ask.text("vee_findings")
        for marker, text in behind.pieces(of_one=of_one).items():
            query = query.replace(marker, text)
        values = {"points": points, **shown, **behind.of(_VEE)}
        rows += await self._ask.rows("vee_findings", values, query=query)
        if not of_one:
            documents = {**shown, **behind.of_others(_DOCUMENT)}
            rows += await self._ask.rows("document_findings", documents)

        def key(view: FindingView) -> Key:
            holds = of_one and view.severity == Severity.CRITICAL
            kind, number = view.finding[0], int(view.finding[1:])
            return (int(holds), instant_key(view.found_at), kind, number)

        return paged(sorted(map(_finding, rows), key=key, reverse=True), limit, key)

    async def count(self, gateway: str | None, meter: str | None) -> int:
        """How many are open of a gateway or of a meter."""
        number = None if meter is None else as_bigint(meter)
        asked = {"meter": number, "gateway": None if gateway is None else as_text(gateway)}
        points = [row[0] for row in await self._ask.rows("points_of", asked)]
        row = await self._ask.row("finding_count", {**asked, "points": points})
        return 0 if row is None else int(row[0])


def _finding(row: Record) -> FindingView:
    finding, code, severity, gateway, meter, serial, start, end, detail, found_at = row
    return FindingView(
        finding=finding,
        code=code,
        severity=severity,
        gateway=gateway,
        meter=None if meter is None else str(meter),
        meter_serial=serial,
        start=start,
        end=end,
        detail=detail,
        found_at=found_at,
        open=True,
    )
