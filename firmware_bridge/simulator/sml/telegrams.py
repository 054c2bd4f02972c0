"""The SML file that a virtual meter pushes."""

from __future__ import annotations

from firmware_bridge.simulator.display import ENERGIES, MAKER, instant, numbers, signed_power
from firmware_bridge.simulator.meter import ACTIVE_POWER, VirtualMeter
from firmware_bridge.simulator.sml import encoding as sml_encoding

_WATT, _WATT_HOUR = 27, 30
_STATUS = 0x1C0104
_UTC_STAMP = 2


def sml_file(meter: VirtualMeter) -> bytes:
    """Registers with status word and scaler, both powers, and their signed difference.

    Energies come in tenths of Wh, powers in W.
    """
    at = instant(meter)
    entries = [
        sml_encoding.Entry(
            code.code,
            sml_encoding.integer(number * 10 if code in ENERGIES else number, 8),
            _WATT_HOUR if code in ENERGIES else _WATT,
            -1 if code in ENERGIES else 0,
            status=sml_encoding.unsigned(_STATUS, 4) if code in ENERGIES else sml_encoding.OMITTED,
        )
        for code, number in numbers(meter, at).items()
    ]
    power = sml_encoding.integer(signed_power(meter, at), 4)
    entries.append(sml_encoding.Entry(ACTIVE_POWER.code, power, _WATT, 0))
    stamp = sml_encoding.unsigned(int(at.timestamp()), 4)
    time = sml_encoding.listing(sml_encoding.unsigned(_UTC_STAMP, 1), stamp)
    return sml_encoding.list_file(server_id(meter), entries, time=time)


def server_id(meter: VirtualMeter) -> bytes:
    """The plate as DIN 43863-5 codes it: electricity, maker, block 0, number."""
    digits = "".join(char for char in meter.serial_at(meter.clock()) if char.isdigit()) or "0"
    number = int(digits) & 0xFFFFFFFF
    return b"\x0a\x01" + MAKER.encode() + b"\x00" + number.to_bytes(4, "big")
