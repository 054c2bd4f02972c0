"""Whoever installs as root believes the signature, and not the agent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import Update
from tests.support.signing import MADE_AT, Signer

SIGNER = Signer(5)
CONTENT = b"a package"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "edge.toml").write_text(
        'gateway = "gw-1"\nbroker.url = "mqtt://127.0.0.1:1"\n'
        f'[update]\nkeys = ["{SIGNER.public.hex()}"]\n'
    )
    (tmp_path / "artefact").write_bytes(CONTENT)
    return tmp_path


def announced(signer: Signer = SIGNER, **changed: Any) -> bytes:  # noqa: ANN401 - fields
    sha256 = hashlib.sha256(CONTENT).digest()
    url = "https://updates.example/a"
    version = Release.parse("2.0")
    base = Update("gw-1", "agent", version, None, sha256, len(CONTENT), url, MADE_AT)
    return signer.update(replace(base, **changed))


def look(folder: Path, payload: bytes, *further: str) -> tuple[int, str]:
    (folder / "announcement").write_bytes(payload)
    files = [str(folder / name) for name in ("announcement", "artefact")]
    command = ["verify-update", *files, "--config", str(folder / "edge.toml")]
    done = CliRunner().invoke(app, [*command, "--installed", "1.0", *further])
    return done.exit_code, (done.stdout + done.stderr).strip()


def test_what_is_signed_may_be_installed(folder: Path) -> None:
    assert look(folder, announced()) == (0, "2")


@pytest.mark.parametrize(
    ("payload", "further", "code"),
    [
        (announced(Signer(6)), [], "SIGNING_KEY_UNKNOWN"),
        (announced()[:-1] + b"x", [], "BAD_SIGNATURE"),
        (announced(gateway="gw-2"), [], "OTHER_GATEWAY"),
        (announced(component="inverter"), [], "UPDATE_CONTENT"),
        (announced(version=Release.parse("0.9")), [], "UPDATE_STALE"),
        (announced(), ["--floor", "2.0"], "UPDATE_STALE"),
        (announced(minimum=Release.parse("1.5")), [], "UPDATE_STEP"),
        (announced(sha256=bytes(32)), [], "UPDATE_CONTENT"),
        (announced(size=1), [], "UPDATE_CONTENT"),
        (SIGNER.configuration(1, ""), [], "SCHEMA"),
        (b"", [], "BAD_MAGIC"),
        (announced(), ["--floor", "x"], "INVALID_VALUE"),
    ],
)
def test_anything_else_may_not(folder: Path, payload: bytes, further: list[str], code: str) -> None:
    exit_code, said = look(folder, payload, *further)
    assert (exit_code, said.partition(":")[0]) == (3, code)


def test_an_artefact_that_is_not_there_is_said(folder: Path) -> None:
    (folder / "artefact").unlink()
    assert look(folder, announced())[1].startswith("UPDATE_FETCH")
