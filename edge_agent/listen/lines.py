"""What a read gave, as lines for people and as JSON."""

from __future__ import annotations

import json

from edge_agent.listen.outcomes import MeterFault, Outcome
from firmware_bridge.driver.interface import MeterValue

RAW_SHOWN = 64


def as_text(outcome: Outcome) -> str:
    """A line for the read, and one below it for each value and each fault."""
    read_out = outcome.read_out
    head = f"{outcome.at:%H:%M:%S} {outcome.meter}"
    if read_out is None:
        return "\n".join([head, *map(_fault_text, outcome.faults)])
    nameplate = f"{read_out.meter.manufacturer}/{read_out.meter.serial}"
    lines = [f"{head}  {nameplate}", *(_value_text(value, nameplate) for value in read_out.values)]
    lines += [f"  {item.obis!s:18} no value: {item.absence}" for item in read_out.absent]
    lines += [f"  offline: {name}" for name in read_out.offline]
    return "\n".join([*lines, *map(_fault_text, outcome.faults)])


def as_line(outcome: Outcome) -> str:
    """One JSON object."""
    read_out = outcome.read_out
    return json.dumps(
        {
            "meter": outcome.meter,
            "at": outcome.at.isoformat(),
            "values": [] if read_out is None else [_value(value) for value in read_out.values],
            "absent": [] if read_out is None else [str(item.obis) for item in read_out.absent],
            "offline": [] if read_out is None else list(read_out.offline),
            "refused": [_fault(fault) for fault in outcome.faults],
        }
    )


def _value_text(value: MeterValue, nameplate: str) -> str:
    owner = f"{value.meter.manufacturer}/{value.meter.serial}"
    notes = [] if value.quality.name == "ACTUAL" else [value.quality.name.lower()]
    notes += [] if value.meter_time is None else [f"{value.meter_time.isoformat()}"]
    notes += [] if owner == nameplate else [owner]
    return f"  {value.obis!s:18} {value.quantity}  {'  '.join(notes)}".rstrip()


def _fault_text(fault: MeterFault) -> str:
    times = f" x {fault.count}" if fault.count > 1 else ""
    line = f"  {fault.code}{times}: {fault.reason}"
    if fault.raw is None:
        return line
    rest = "..." if len(fault.raw) > RAW_SHOWN else ""
    return f"{line}\n    {fault.raw[:RAW_SHOWN].hex()}{rest}"


def _value(value: MeterValue) -> dict[str, object]:
    return {
        "manufacturer": value.meter.manufacturer,
        "serial": value.meter.serial,
        "obis": str(value.obis),
        "value": str(value.quantity).partition(" ")[0],
        "unit": value.quantity.unit.value,
        "quality": value.quality.name.lower(),
        "meter_time": None if value.meter_time is None else value.meter_time.isoformat(),
    }


def _fault(fault: MeterFault) -> dict[str, object]:
    return {
        "code": fault.code,
        "reason": fault.reason,
        "count": fault.count,
        "raw": None if fault.raw is None else fault.raw.hex(),
    }
