"""What the records of a telegram measure, as observations."""
# ruff: noqa: PLR2004 - status bits of the standard

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.local_clock import DEFAULT_ZONE, MeterZone
from firmware_bridge.driver.naming import identity
from firmware_bridge.driver.telegram import Observation, Telegram, normalise
from firmware_bridge.mbus.application.dates import WallTime, every_year
from firmware_bridge.mbus.application.obis import code_of
from firmware_bridge.mbus.application.quirks import quirk_of
from firmware_bridge.mbus.application.records import DataRecord, Function
from firmware_bridge.mbus.application.telegram import Address, Application
from firmware_bridge.mbus.application.units import Form

_CLOCK = "date and time"
_MAKER_UNITS = frozenset({"", "currency"})


@dataclass(frozen=True, slots=True)
class RecordClock:
    """How a telegram's times are to be read.

    Args:
        clock: The zone of the meter's clock.
    """

    clock: MeterZone

    def instant(self, data: object) -> tuple[datetime, bool] | None:
        """The instant of a record's time, and whether it is certain."""
        if isinstance(data, WallTime):
            # Meters without summer time leave the bit 0 all year, so only a set bit decides.
            return self.clock.wall(data.at, "S" if data.summer else None)
        if isinstance(data, date):
            return self.clock.wall(datetime(data.year, data.month, data.day))  # noqa: DTZ001 - zone follows
        return None


def observed(raw: bytes, parsed: Application, values: tuple[Observation, ...]) -> Telegram:
    """A telegram's values, and what of it could not be read; refused where that is all."""
    if parsed.rest is not None and not values:
        return Telegram.refused(raw, parsed.rest)
    return Telegram(raw, values, rest=parsed.rest)


def observe(
    telegram: Application, link_address: Address | None = None, zone: str | None = None
) -> tuple[Observation, ...]:
    """The measured values of a telegram.

    Present values have the time that the telegram gives for itself; stored ones the date stored
    beside them. Names, versions, flags and the maker's own records are not measured.

    Args:
        telegram: Parsed.
        link_address: The radio's address, for a header that names no device.
        zone: Zone of the meter's clock; None for central Europe.
    """
    address = telegram.address or link_address or Address("", "", 0, 0)
    meter = identity(address.manufacturer, address.serial)
    record_clock = RecordClock(MeterZone(zone or DEFAULT_ZONE))
    times = _times(telegram.records, record_clock)
    # Bits 3 and 4: permanent and temporary error; bits 0 and 1: busy, any error.
    suspect = telegram.status & 0x18 or telegram.status & 0x03 == 2
    quirk = quirk_of(address.manufacturer, address.version)
    found = []
    for record in map(quirk.mend, telegram.records):
        value = record.value
        if record.tail or value is None or not _measured(record):
            continue
        number, unit = normalise(value, record.meaning.unit)
        at = times.get(record.storage)
        bad = suspect or record.function is Function.ERROR_STATE or (at and not at[1])
        found.append(
            Observation(
                meter=meter,
                obis=code_of(record, address.medium),
                value=number,
                unit=unit,
                quality=Quality.SUSPECT if bad else Quality.ACTUAL,
                meter_time=at[0] if at else None,
                storage=record.storage,
                approximate=isinstance(record.data, Decimal),
                label=record.meaning.quantity,
            )
        )
    return tuple(found)


def _measured(record: DataRecord) -> bool:
    return record.meaning.form is Form.NUMBER and record.meaning.unit not in _MAKER_UNITS


def _times(
    records: tuple[DataRecord, ...], record_clock: RecordClock
) -> dict[int, tuple[datetime, bool]]:
    """The time of each storage number; storage 0 only by a full clock and not by a mere date."""
    found: dict[int, tuple[datetime, bool]] = {}
    for record in records:
        plain = record.meaning.form in (Form.DATE, Form.DATE_TIME) and not record.vifes
        if not plain or record.function is not Function.INSTANTANEOUS or record.tariff:
            continue
        if record.storage == 0 and record.meaning.quantity != _CLOCK:
            continue
        at = None if every_year(record.raw) else record_clock.instant(record.data)
        if at is not None and record.storage not in found:
            found[record.storage] = at
    return found
