"""What monitors and systemd see of a real agent process."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING

from tests.support.servers import free_port

from .conftest import as_toml, virtual_meters

if TYPE_CHECKING:
    from pathlib import Path


async def scrape(port: int, path: str = "/metrics") -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_monitor_reads_figures_and_systemd_hears_that_it_lives(tmp_path: Path) -> None:
    port = free_port()
    notify = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(notify))
        channel.setblocking(False)
        loop = asyncio.get_running_loop()
        async with virtual_meters(days=1) as site, asyncio.timeout(60):
            config = tmp_path / "edge.toml"
            table = as_toml(site.config(tmp_path, 1, period_s=1))
            config.write_text(f"metrics.port = {port}\n{table}")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from edge_agent.cli import main; main()"),
                *("run", "--config", str(config)),
                env={**os.environ, "NOTIFY_SOCKET": str(notify), "WATCHDOG_USEC": "600000"},
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                heard = [await loop.sock_recv(channel, 100) for _ in range(4)]
                await asyncio.sleep(1.0)
                answer = await scrape(port)
                missing = await scrape(port, "/")
                process.terminate()
                assert await process.wait() == 0
                while heard[-1] != b"STOPPING=1":
                    heard.append(await loop.sock_recv(channel, 100))
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
    assert heard[0] == b"READY=1"
    assert heard[1:4] == [b"WATCHDOG=1"] * 3
    assert missing.startswith("HTTP/1.1 404")
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK")
    lines = [line for line in body.splitlines() if not line.startswith("#")]
    figures = {name: float(value) for name, value in (line.split() for line in lines)}
    prefix = "meterline_edge_"
    assert figures[prefix + "backlog_batches"] > 0
    assert figures[prefix + "oldest_unacknowledged_seconds"] > 0
    assert 0 < figures[prefix + "commit_p99_seconds"] < 10
    assert figures[prefix + "connected"] == 0
    assert figures[prefix + "bad_frames_total"] == 0
    assert prefix + "written_bytes_per_day" in figures
    assert figures[prefix + "clock_synchronised"] == 1
    assert figures[prefix + "clock_steps_total"] == 0
    assert figures[prefix + "held_readings"] == 0
    assert figures[prefix + "register_backward_total"] == 0
    assert figures[prefix + "configurations_applied_total"] == 1
