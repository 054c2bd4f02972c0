"""What is checked of the buffer's place before an agent starts."""

from __future__ import annotations

from pathlib import Path

from .conftest import as_toml, virtual_meters
from .test_agent_process import cli


def diary(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


async def test_check_config_looks_at_the_buffers_place(tmp_path: Path) -> None:
    async with virtual_meters(days=1) as site:
        config = tmp_path / "edge.toml"
        nowhere = tmp_path / "nowhere"
        config.write_text(as_toml(site.config(nowhere, 1883)))
        code, out = await cli("check-config", "--config", str(config))
        assert (code, f"The folder {nowhere} of the buffer does not exist" in out) == (3, True), out
        config.write_text(as_toml(site.config(tmp_path, 1883)))
        diary(tmp_path / "buffer.db")
        code, out = await cli("check-config", "--config", str(config))
        assert (code, "BUFFER_FOREIGN" in out) == (3, True), out
        (tmp_path / "buffer.db").unlink()
        code, out = await cli("check-config", "--config", str(config))
        assert code == 0, out
