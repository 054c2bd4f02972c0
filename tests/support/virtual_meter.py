"""A virtual meter on the wire, a configuration for an agent that reads it, and no broker."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from edge_agent.monitoring.status_socket import ask, socket_path
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.modbus.server import VirtualModbusServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from firmware_bridge.simulator.meter import VirtualMeter

GATEWAY = "gw-1"
PROFILE = "meterline-virtual"


def virtual_meter(serial: str, days: int) -> VirtualMeter:
    """A meter that has counted for some days, on the real clock."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
    load = from_kw([Decimal("1.2345"), Decimal("-0.5"), Decimal("3.75"), Decimal(0)], 3600)
    return compose(serial, load, script=Script(start=start, loop=True), installed_at=start)


@dataclass
class VirtualMeters:
    """Virtual meters at one TCP address."""

    meters: dict[int, VirtualMeter]
    server: VirtualModbusServer

    def config(self, folder: Path, broker_port: int, **meter: Any) -> dict[str, Any]:  # noqa: ANN401 - settings
        return {
            "gateway": GATEWAY,
            "broker": {"url": f"mqtt://127.0.0.1:{broker_port}"},
            "buffer": {"path": str(folder / "buffer.db")},
            "clock": {"source": "trusted"},
            "meters": [
                {
                    "name": f"m{unit}",
                    "protocol": "modbus",
                    "host": "127.0.0.1",
                    "port": self.server.port,
                    "unit_id": unit,
                    "profile": PROFILE,
                    **meter,
                }
                for unit in self.meters
            ],
        }


@asynccontextmanager
async def virtual_meters(days: int = 2, meters: int = 1) -> AsyncIterator[VirtualMeters]:
    devices = {unit: virtual_meter(str(4710 + unit), days) for unit in range(1, meters + 1)}
    model = load_profile(PROFILE)
    served = {unit: (meter, model) for unit, meter in devices.items()}
    async with VirtualModbusServer(served) as server:
        yield VirtualMeters(devices, server)


async def health_of(folder: Path) -> dict[str, Any] | None:
    """What the agent process with a buffer there says of itself; None while it does not answer."""
    answer = await asyncio.to_thread(ask, socket_path(folder / "buffer.db"))
    if answer is None:
        return None
    health: dict[str, Any] = json.loads(answer)
    return health


def as_toml(table: dict[str, Any]) -> str:
    """Just what `VirtualMeters.config` holds."""
    lines = [f"gateway = {_scalar(table['gateway'])}"]
    for name in ("broker", "buffer", "clock"):
        lines += [f"[{name}]", *(f"{key} = {_scalar(v)}" for key, v in table[name].items())]
    for meter in table["meters"]:
        lines += ["[[meters]]", *(f"{key} = {_scalar(v)}" for key, v in meter.items())]
    return "\n".join(lines) + "\n"


def _scalar(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f'"{value}"'
