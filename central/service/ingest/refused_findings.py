"""What meters said to their gateways and could not be read, as findings that say what to do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from central.service.ports.ingest_records import FindingCode, GatewayRecord, IngestFinding
from firmware_bridge.contract.messages import Status
from firmware_bridge.contract.reports import RefusalReport

# A gateway reports again each hour what goes on; a broker hands out what it retains at any time,
# which must not raise again what somebody has settled since.
RECENT: Final = timedelta(hours=2)


def refusal_findings(gateway: GatewayRecord, status: Status, at: datetime) -> list[IngestFinding]:
    """A finding for each meter and reason that a gateway reports of late.

    Args:
        gateway: Whose status it is.
        status: What it retains.
        at: When it came. Aware.
    """
    return [
        IngestFinding(
            f"{FindingCode.EDGE_REFUSED}:{gateway.name}:{report.meter}:{report.code}",
            FindingCode.EDGE_REFUSED,
            _message(gateway.name, report),
            gateway.id,
        )
        for report in status.refused
        if abs(at - report.at) <= RECENT
    ]


def _message(gateway: str, report: RefusalReport) -> str:
    times = "once" if report.count == 1 else f"{report.count} times"
    begins = f" The last one begins {report.raw.hex()}." if report.raw else ""
    return (
        f"{gateway} cannot read what its meter {report.meter} sends ({report.code}, {times},"
        f" last at {report.at.isoformat()}): {report.reason}{begins}"
    )
