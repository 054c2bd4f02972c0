"""What is installed with a release is listed whole, and under licences that allow it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY
from tools import sbom
from tools.sbom import LicenceRefusedError, Package


@pytest.mark.parametrize("name", sbom.SETS)
def test_each_locked_package_is_a_component_with_its_hashes(name: str) -> None:
    listed = sbom.of_set(name)
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    locked = re.findall(r"^([\w.-]+)==([^ ;\\]+)", text, re.MULTILINE)
    wanted = {f"pkg:pypi/{package}@{version}" for package, version in locked}
    refs = [component["bom-ref"] for component in listed["components"]]
    assert len(refs) == len(set(refs))
    assert {ref for ref in refs if ref.startswith("pkg:pypi/")} == wanted
    hashes = [digest["content"] for one in listed["components"] for digest in one["hashes"]]
    assert len(hashes) >= text.count("--hash=")
    root = listed["metadata"]["component"]["bom-ref"]
    assert listed["dependencies"][0] == {"ref": root, "dependsOn": refs}
    assert {entry["ref"] for entry in listed["dependencies"]} == {root, *refs}
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", listed["serialNumber"])
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")


def test_the_same_locks_give_the_same_file(tmp_path: Path) -> None:
    (first,) = sbom.write(["central"], tmp_path / "a")
    (second,) = sbom.write(["central"], tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    components = json.loads(first.read_text())["components"]
    assert {"htmx.org", "uplot", "psycopg"} <= {component["name"] for component in components}


def test_every_locked_package_says_a_licence_and_none_is_refused() -> None:
    refused = {one.name: one.licence for one in sbom.locked("dev") if not _may(one.licence)}
    assert refused == {}


@pytest.mark.parametrize(
    ("licence", "may"),
    [
        ("MIT", True),
        ("EPL-2.0 OR BSD-3-Clause", True),
        ("MIT AND PSF-2.0", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later OR SSPL-1.0", False),
        ("(MIT OR Apache-2.0)", True),
        ("", False),
    ],
)
def test_of_alternatives_one_must_allow_it_and_of_sums_each(licence: str, *, may: bool) -> None:
    assert _may(licence) is may
    package = Package("other", "1.0", licence, "SHA-256", ("0" * 64,))
    if not may:
        with pytest.raises(LicenceRefusedError, match="other"):
            sbom.document("central", [package])


def test_a_package_that_nobody_has_installed_is_no_licence() -> None:
    with pytest.raises(LicenceRefusedError, match="nowhere-to-be-found"):
        sbom.licence_of("nowhere-to-be-found")


def _may(licence: str) -> bool:
    return sbom.may_be_shipped(licence)
