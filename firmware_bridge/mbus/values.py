"""What the records of a telegram measure, as observations; wired and wireless scanners."""
# ruff: noqa: PLR2004 - status bits of the standard

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.local_clock import DEFAULT_ZONE, MeterZone
from firmware_bridge.driver.telegram import (
    ChecksumError,
    Keys,
    Observation,
    Telegram,
    TelegramError,
    identity,
    normalise,
)
from firmware_bridge.mbus.compact import Formats
from firmware_bridge.mbus.dates import WallTime, every_year
from firmware_bridge.mbus.frames import Address, Application, parse_application
from firmware_bridge.mbus.link import LinkFrame, LinkSplitter
from firmware_bridge.mbus.obis import code_of
from firmware_bridge.mbus.quirks import quirk_of
from firmware_bridge.mbus.records import DataRecord, Function
from firmware_bridge.mbus.security import TelegramSecurity
from firmware_bridge.mbus.units import Form
from firmware_bridge.mbus.wireless import RadioFrame, RadioSplitter, unwrap

_ANSWERS = frozenset({0x08, 0x18, 0x28, 0x38})
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


class WiredScanner:
    """Bytes of a wired bus in, observed telegrams out.

    Args:
        keys: Where meters encrypt.
        zone: Zone of the meters' clocks; None for central Europe.
    """

    def __init__(self, keys: Keys | None = None, zone: str | None = None) -> None:
        self._security = TelegramSecurity(keys)
        self._zone = zone
        self._splitter = LinkSplitter()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete; requests and acknowledgements are none."""
        for found in self._splitter.feed(data):
            yield from self._observe(found)

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        for found in self._splitter.close():
            yield from self._observe(found)

    def _observe(self, found: LinkFrame | Telegram) -> Iterator[Telegram]:
        if isinstance(found, Telegram):
            yield found
        elif found.user and found.control in _ANSWERS:
            try:
                parsed = parse_application(found.user, self._security)
                yield Telegram(found.raw, observe(parsed, zone=self._zone))
            except TelegramError as error:
                yield Telegram.refused(found.raw, error)


class WirelessScanner:
    """Radio frames in, observed telegrams out.

    Args:
        keys: Where meters encrypt.
        zone: Zone of the meters' clocks; None for central Europe.
        stripped: Whether the receiver removed the CRCs.
    """

    def __init__(
        self, keys: Keys | None = None, zone: str | None = None, *, stripped: bool = False
    ) -> None:
        self._keys = keys
        self._zone = zone
        self._formats = Formats()
        self._splitter = RadioSplitter(stripped=stripped)

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        yield from map(self._observe, self._splitter.feed(data))

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        yield from map(self._observe, self._splitter.close())

    def _observe(self, found: RadioFrame | Telegram) -> Telegram:
        if isinstance(found, Telegram):
            return found
        return observe_radio(found, self._keys, self._zone, self._formats)


def observe_radio(
    frame: RadioFrame, keys: Keys | None, zone: str | None, formats: Formats | None = None
) -> Telegram:
    """What a radio frame says, or why it is refused.

    Args:
        frame: As its receiver handed it over.
        keys: Where the meter encrypts.
        zone: Zone of the meter's clock; None for central Europe.
        formats: What whole frames taught of compact ones, and learns from this one.
    """
    known = Formats() if formats is None else formats
    try:
        inner = unwrap(frame, keys)
        if not (frame.checked or inner.authenticated or inner.sealed):
            message = "No CRC of the radio frame holds."
            remedy = "If the receiver has checked and removed them, say so."
            raise ChecksumError(message, remedy=remedy)
        parsed = parse_application(inner.user, inner.security, inner.address, known)
        known.learn(parsed.records)
    except TelegramError as error:
        return Telegram.refused(frame.raw, error)
    values = observe(parsed, inner.address, zone)
    if not (frame.checked or inner.authenticated):
        # Only the two filler bytes at its start say that the text was decrypted rightly.
        values = tuple(replace(value, quality=Quality.SUSPECT) for value in values)
    return Telegram(frame.raw, values)
