"""Findings of one gateway within a bound, so that it buries no other's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import structlog

from central.service.ports.ingest_records import FindingCode, GatewayId, IngestFinding

_log = structlog.get_logger(__name__)
# One of each per gateway, or per gateway and reason; an operator should hear of them in any case.
_ALWAYS = frozenset(
    {
        FindingCode.FINDINGS_FULL,
        FindingCode.OVER_QUOTA,
        FindingCode.QUARANTINE,
        FindingCode.REFUSED,
        FindingCode.TAKEN_OVER,
        FindingCode.TWO_LIVE_EPOCHS,
    }
)
_NAMED = 5


def within_quota(
    findings: Sequence[IngestFinding],
    open_keys: Collection[str],
    counts: Mapping[GatewayId, int],
    most: int,
) -> list[IngestFinding]:
    """The findings that may be raised; in place of the others one for their gateway.

    Those that are left out are logged.

    Args:
        findings: What was found.
        open_keys: Keys of those among them that are open already.
        counts: Open findings of their gateways.
        most: Open findings that one gateway may have.
    """
    raised: list[IngestFinding] = []
    standing = Counter(counts)
    beyond: dict[GatewayId, list[IngestFinding]] = {}
    for finding in findings:
        gateway = finding.gateway_id
        if gateway is None or finding.code in _ALWAYS or finding.key in open_keys:
            raised.append(finding)
        elif standing[gateway] < most:
            standing[gateway] += 1
            raised.append(finding)
        else:
            beyond.setdefault(gateway, []).append(finding)
    for gateway, left_out in beyond.items():
        keys = [finding.key for finding in left_out[:_NAMED]]
        _log.warning("findings_left_out", gateway_id=gateway, count=len(left_out), first=keys)
        raised.append(_full(gateway, most))
    return raised


def _full(gateway: GatewayId, most: int) -> IngestFinding:
    return IngestFinding(
        f"{FindingCode.FINDINGS_FULL}:{gateway}",
        FindingCode.FINDINGS_FULL,
        f"{most} findings of this gateway are open. What else is found is logged as"
        " findings_left_out and not raised until some are closed.",
        gateway,
    )
