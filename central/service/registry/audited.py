"""What the audit log says of the registry's records: every field, personal ones set apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from central.domain.audit.change import Personal
from central.domain.billing.bill import Party
from central.domain.metering.day_start import day_start_text
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
    TariffRecord,
)
from central.service.ports.registry_services import ServiceRecord
from firmware_bridge.contract.interval import MIDNIGHT

Said = dict[str, Any]


def seller_said(seller: Party | None) -> Said | None:
    """Who charges; a company's name is nobody's secret."""
    return None if seller is None else seller.to_json()


def point_said(point: PointRecord | None, channels: Iterable[PointChannelRecord]) -> Said | None:
    """A service point and what is counted there."""
    if point is None:
        return None
    return {
        "zone": point.zone,
        "address": Personal(point.address),
        "capacity": point.capacity,
        "channels": sorted(
            f"{channel.obis} {channel.period_s} s {channel.unit.value}" for channel in channels
        ),
    }


def services_said(services: Iterable[ServiceRecord]) -> Said | None:
    """What is sold at a point, and which channels each bills; all of them where none is named."""
    return {service.name: _service_said(service) for service in services} or None


def _service_said(service: ServiceRecord) -> object:
    channels = [str(obis) for obis in service.channels]
    if service.day_start in {None, MIDNIGHT}:
        return channels
    return {"channels": channels, "day_start": day_start_text(service.day_start)}


def installation_said(installation: InstallationRecord | None) -> Said | None:
    """A meter at a point."""
    if installation is None:
        return None
    return {
        "point": installation.point,
        "start": installation.start,
        "end": installation.end,
        "multiplier": str(installation.multiplier),
        "registers": {
            str(obis): {
                "modulus": facts.modulus,
                "opening": facts.opening,
                "closing": facts.closing,
            }
            for obis, facts in installation.registers.items()
        },
    }


def account_said(account: AccountRecord | None) -> Said | None:
    """Who pays; all of it is personal."""
    if account is None:
        return None
    return {name: Personal(value) for name, value in account.party.to_json().items()}


def agreement_said(agreement: AgreementRecord | None) -> Said | None:
    """Account x service point x tariff."""
    if agreement is None:
        return None
    return {
        "account": agreement.account,
        "service": agreement.service,
        "tariff": agreement.tariff,
        "first": agreement.first,
        "end": agreement.end,
        "billing_from": agreement.billing_from,
        "facts": agreement.facts.to_json(),
    }


def tariff_said(version: TariffRecord) -> Said:
    """A version of a tariff; its text is kept with it."""
    return {
        "effective": version.effective,
        "revision": version.revision,
        "withdrawn": version.withdrawn,
        "sha256": version.sha256,
        "currency": version.currency,
    }


def revised(kind: str, subject: str, said: Said) -> str:
    """Of which thing a revision is: a meter or an account may be there more than once."""
    begins = said.get({"agreement": "first", "installation": "start"}.get(kind, ""))
    if begins is None:
        return subject
    # The same instant has many offsets.
    at = begins.astimezone(UTC) if isinstance(begins, datetime) else begins
    return f"{subject} from {at.isoformat()}"
