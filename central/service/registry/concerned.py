"""Which days a change of the registry reaches into."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from central.domain.metering.installed_days import local_date
from central.service.ports.registry import AgreementRecord, InstallationRecord


def days_of_agreement(
    old: AgreementRecord | None, new: AgreementRecord
) -> tuple[date, date | None]:
    """The days that an agreement, or its change, is about; the end is the day after, or open.

    Args:
        old: As it was; None where it is new.
        new: As it is.
    """
    if old is None or replace(old, end=None) != replace(new, end=None):
        return new.first, new.end
    return _between(old.end, new.end)


def days_of_installation(
    old: InstallationRecord | None, new: InstallationRecord, zone: str
) -> tuple[date, date | None]:
    """The local days that an installation, or its change, is about; likewise.

    Args:
        old: As it was; None where it is new.
        new: As it is.
        zone: Of the point.
    """
    end = None if new.end is None else local_date(new.end, zone) + timedelta(days=1)
    whole = local_date(new.start, zone), end
    if old is None or replace(old, end=None, gateway=None) != replace(new, end=None, gateway=None):
        return whole
    old_end = None if old.end is None else local_date(old.end, zone)
    first, last = _between(old_end, None if new.end is None else local_date(new.end, zone))
    return first, None if last is None else last + timedelta(days=1)


def _between(old: date | None, new: date | None) -> tuple[date, date | None]:
    """From the earlier of two ends to the later one."""
    ends = [end for end in (old, new) if end is not None]
    if not ends:
        return date.max, None
    return min(ends), max(ends) if len(ends) > 1 else None
