"""Open findings, as pages show them; the statements are in `field.sql`."""

from __future__ import annotations

from typing import LiteralString

from central.adapters.timescale.named_query import Asker, Record, as_bigint, as_text
from central.domain.vee.finding import Severity
from central.service.views.field import FindingView


class FieldFindings:
    """Reads findings of ingest and of validation, and documents that could not be made.

    Args:
        ask: The statements of the field.
    """

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    async def newest(
        self, gateway: str | None, meter: str | None, limit: int
    ) -> tuple[FindingView, ...]:
        """The newest of everything; of a gateway or meter those first that hold a bill."""
        number = None if meter is None else as_bigint(meter)
        name = None if gateway is None else as_text(gateway)
        if (meter is not None and number is None) or (gateway is not None and name is None):
            return ()
        asked = {"meter": number, "gateway": name}
        points = None
        if meter is not None or gateway is not None:
            points = [row[0] for row in await self._ask.rows("points_of", asked)]
        ingest = await self._ask.rows("findings", {**asked, "limit": limit})
        of_one = meter is not None or gateway is not None
        # Of everything an index gives the newest; of one place those that hold a bill come first.
        first: LiteralString = "vee_finding.severity = 'critical' DESC," if of_one else ""
        query = self._ask.text("vee_findings").replace("{first}", first)
        values = {"points": points, "limit": limit}
        vee = await self._ask.rows("vee_findings", values, query=query)
        documents = [] if of_one else await self._ask.rows("document_findings", {"limit": limit})
        ordered = sorted(
            map(_finding, ingest + vee + documents),
            key=lambda view: (of_one and view.severity == Severity.CRITICAL, view.found_at),
            reverse=True,
        )
        return tuple(ordered[:limit])

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
