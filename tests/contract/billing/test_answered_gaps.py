"""A hole in a gateway's batches that somebody answered for stays answered, on every store."""

from __future__ import annotations

from datetime import timedelta

from central.service.ingest.gap_findings import watch_gaps
from central.service.ingest.ingest import Ingest
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import FindingCode
from central.service.validation.decisions import accept_finding
from tests.support.actors import CLERK
from tests.support.books import NOW, Utility, month


async def test_a_hole_that_somebody_answered_for_is_not_raised_again(utility: Utility) -> None:
    edge, ingest = await utility.found(), Ingest(utility.ingest, lambda: NOW)
    readings = month()
    sent = [edge.seal(readings[place : place + 5]) for place in (0, 5, 10)]
    await ingest.commit(edge.arrive(sent[0], sent[2]))
    later = NOW + timedelta(hours=2)
    assert len(await watch_gaps(utility.ingest, later)) == 1
    note = DecisionNote(CLERK, "its disk broke", NOW)
    await accept_finding(utility.decisions, utility.validation, "i1", note)
    await watch_gaps(utility.ingest, later + timedelta(minutes=1))
    assert await utility.ingest.open_findings(FindingCode.GAP) == []
    # Another hole is another finding.
    beyond = [edge.seal(readings[place : place + 5]) for place in (15, 20)]
    await ingest.commit(edge.arrive(sent[1], beyond[1]))
    (found,) = await watch_gaps(utility.ingest, later + timedelta(hours=2))
    assert (found.from_sequence, found.until_sequence) == (4, 4)
    assert len(await utility.ingest.open_findings(FindingCode.GAP)) == 1
