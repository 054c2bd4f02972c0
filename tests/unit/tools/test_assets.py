"""The asset build, without a network: what it would fetch, with what, and where it puts it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def assets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("assets", REPOSITORY / "tools" / "assets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def modules(folder: Path, assets: ModuleType) -> Path:
    for source in assets.FILES:
        target = folder / source
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"content of {source}")
    return folder


def test_the_lock_pins_content_and_names_no_host(assets: ModuleType) -> None:
    text = (assets.DASHBOARD / "package-lock.json").read_text()
    packages = {name: facts for name, facts in json.loads(text)["packages"].items() if name}
    assert set(packages) == {"node_modules/htmx.org", "node_modules/uplot"}
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())
    assert "://" not in text
    assert "resolved" not in text


def test_what_the_tests_need_is_pinned_and_served_to_nobody(assets: ModuleType) -> None:
    text = (assets.BROWSER_TESTS / "package-lock.json").read_text()
    packages = {name: facts for name, facts in json.loads(text)["packages"].items() if name}
    assert set(packages) == {"node_modules/axe-core"}
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())
    assert "://" not in text
    assert not assets.TEST_VENDOR.is_relative_to(assets.DASHBOARD)


def test_publishing_is_complete_only_with_its_stamp(assets: ModuleType, tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    assets.publish(modules(tmp_path / "modules", assets), vendor, "one")
    assert assets.is_current(vendor, "one")
    assert not assets.is_current(vendor, "two")
    (vendor / "uplot.js").unlink()
    assert not assets.is_current(vendor, "one")
    assert not list(vendor.glob("*.tmp"))


def test_another_lock_is_another_stamp(assets: ModuleType, tmp_path: Path) -> None:
    for name in assets.INPUTS:
        (tmp_path / name).write_bytes((assets.DASHBOARD / name).read_bytes())
    before = assets.wanted_stamp(tmp_path)
    assert before == assets.wanted_stamp()
    (tmp_path / "package-lock.json").write_text("{}")
    assert assets.wanted_stamp(tmp_path) != before


def npm_in(folder: Path, script: str) -> str:
    """A stand-in for npm, alone on a PATH of its own with what it needs itself."""
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    return f"{folder}:/bin"


FETCHES = (
    '[ "$1" = --version ] && echo 10.8.2 && exit; mkdir node_modules && touch node_modules/mine'
)
FAILS = '[ "$1" = --version ] && echo 10.8.2 && exit; echo EINTEGRITY >&2; exit 1'


@pytest.mark.parametrize(
    ("script", "usable"),
    [
        ("echo 11.19.1", True),
        ("echo 7.5.2", True),
        # Debian 10's: it cannot read the lock.
        ("echo 6.14.4", False),
        ("echo internal/modules/cjs/loader.js >&2; exit 1", False),
        ("exit 0", False),
    ],
)
def test_the_machines_npm_is_used_if_it_reads_the_lock(
    assets: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    usable: bool,  # noqa: FBT001 - a parameter
) -> None:
    monkeypatch.setenv("PATH", npm_in(tmp_path / "bin", script))
    assert assets.own_npm() == (str(tmp_path / "bin" / "npm") if usable else None)


def test_no_npm_is_no_npm(
    assets: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert assets.own_npm() is None


def test_node_is_not_fetched_where_npm_does_it(
    assets: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", npm_in(tmp_path / "bin", FETCHES))
    monkeypatch.setattr(assets, "throwaway_npm", lambda _: pytest.fail("fetched Node"))
    assets.install(tmp_path)
    assert (tmp_path / "node_modules" / "mine").exists()


def test_node_is_fetched_where_the_machines_npm_fails(
    assets: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", npm_in(tmp_path / "bin", FAILS))
    npm_in(tmp_path / "other", FETCHES)
    monkeypatch.setattr(assets, "throwaway_npm", lambda _: [str(tmp_path / "other" / "npm")])
    assets.install(tmp_path)
    assert (tmp_path / "node_modules" / "mine").exists()
    assert "EINTEGRITY" in capsys.readouterr().err


def test_what_has_another_hash_is_never_taken(
    assets: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", npm_in(tmp_path / "bin", FAILS))
    monkeypatch.setattr(assets, "throwaway_npm", lambda _: [str(tmp_path / "bin" / "npm")])
    with pytest.raises(assets.AssetError, match="EINTEGRITY"):
        assets.install(tmp_path)
