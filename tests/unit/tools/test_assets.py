"""The asset build, without npm: what it would fetch, and how it puts it in place."""

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


def test_npm_is_that_of_the_environment(assets: ModuleType) -> None:
    assert all(Path(part).is_file() for part in assets.npm_command())
