"""Say what is installed with a release: `python tools/sbom.py [SET...]` writes into dist/.

Each set of requirements/*.txt becomes a CycloneDX document: name, version, licence and hashes of
every package, and for the centre the pages' scripts. It is made from the locks and from what the
installed packages say of their licence, so the same locks give the same file. A licence that is
not among those that may be shipped ends the program.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SETS = ("central", "edge", "demo", "einvoice-check", "traces")
SPEC_VERSION = "1.6"
PAGES = REPOSITORY / "central" / "dashboard" / "package-lock.json"
WITH_PAGES = frozenset({"central", "demo", "einvoice-check", "traces"})
SHIPPED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
        *("PSF-2.0", "Zlib", "LicenseRef-PublicDomain"),
        # Used as they are, and exchangeable by whoever runs them.
        *("LGPL-2.1-or-later", "LGPL-3.0-only", "MPL-2.0"),
    }
)
"""Licences that a package which is installed with Meterline may have."""

# What packages that say it in older ways mean, by their own words or by the classifier's.
SPDX = {
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "LicenseRef-PublicDomain",
    "Python Software Foundation License": "PSF-2.0",
}
# Not installed on every platform, so that it cannot be asked here.
ELSEWHERE = {"colorama": "BSD-3-Clause", "httpx2-jsfetch": "BSD-3-Clause"}
# They say nothing in the package, but where it is published.
PUBLISHED = {"saxonche": "MPL-2.0"}
_SPDX_TERM = re.compile(r"[A-Za-z0-9.-]+")
_NAMESPACE = uuid.UUID("5f1d4c4e-6f0a-5a57-9d3c-2f6f6a1f7c11")


class LicenceRefusedError(Exception):
    """A package has a licence that may not be shipped, or says none."""


@dataclass(frozen=True, slots=True)
class Package:
    """One locked package.

    Args:
        name: Of the package.
        version: That is locked.
        licence: SPDX expression.
        algorithm: Of the hashes, as CycloneDX has it.
        hashes: Of the files that may be installed, in hex.
        kind: Of the package URL: pypi or npm.
    """

    name: str
    version: str
    licence: str
    algorithm: str
    hashes: tuple[str, ...]
    kind: str = "pypi"

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:{self.kind}/{self.name}@{self.version}"

    def component(self) -> dict[str, Any]:
        """As CycloneDX has it."""
        return {
            "type": "library",
            "bom-ref": self.purl,
            "name": self.name,
            "version": self.version,
            "purl": self.purl,
            "licenses": [{"expression": self.licence}],
            "hashes": [{"alg": self.algorithm, "content": text} for text in self.hashes],
        }


def locked(name: str) -> list[Package]:
    """The packages of a set, by name.

    Raises:
        LicenceRefusedError: One says no licence that is known here.
    """
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[tuple[str, str], list[str]] = {}
    hashes: list[str] = []
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            hashes = found.setdefault((match[1].lower(), match[2]), [])
        hashes += re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    return [
        Package(package, version, licence_of(package), "SHA-256", tuple(dict.fromkeys(digests)))
        for (package, version), digests in sorted(found.items())
    ]


def page_scripts() -> list[Package]:
    """The packages whose scripts the pages load."""
    packages = json.loads(PAGES.read_text(encoding="utf-8"))["packages"]
    return [
        Package(
            place.removeprefix("node_modules/"),
            entry["version"],
            entry["license"],
            "SHA-512",
            (base64.b64decode(entry["integrity"].removeprefix("sha512-")).hex(),),
            "npm",
        )
        for place, entry in sorted(packages.items())
        if place
    ]


def licence_of(name: str) -> str:
    """What an installed package says of its licence, as an SPDX expression.

    Raises:
        LicenceRefusedError: It says nothing that is known here.
    """
    try:
        said = metadata(name)
    except PackageNotFoundError:
        if name in ELSEWHERE:
            return ELSEWHERE[name]
        message = f"{name} is not installed, so nobody knows its licence."
        raise LicenceRefusedError(message) from None
    if expressions := said.get_all("License-Expression"):
        return str(expressions[0])
    words = [str(text).strip() for text in said.get_all("License") or ()]
    words += [
        classifier.rsplit("::", 1)[-1].strip()
        for classifier in said.get_all("Classifier") or ()
        if classifier.startswith("License ::")
    ]
    for word in words:
        if word in SPDX:
            return SPDX[word]
        if word in SHIPPED:
            return word
    if not words and name in PUBLISHED:
        return PUBLISHED[name]
    message = f"{name} says {words} of its licence, which is no SPDX expression."
    raise LicenceRefusedError(message)


def may_be_shipped(expression: str) -> bool:
    """Whether an SPDX expression allows it: of alternatives one does, of sums each."""
    choices = [set(_SPDX_TERM.findall(choice)) - {"AND"} for choice in expression.split(" OR ")]
    return any(choice and choice <= SHIPPED for choice in choices)


def document(name: str, packages: Sequence[Package]) -> dict[str, Any]:
    """The CycloneDX document of a set.

    Raises:
        LicenceRefusedError: A licence may not be shipped.
    """
    refused = [f"{one.name} ({one.licence})" for one in packages if not may_be_shipped(one.licence)]
    if refused:
        message = f"These may not be shipped: {', '.join(refused)}."
        raise LicenceRefusedError(message)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    purl = f"pkg:pypi/{project['name']}@{project['version']}"
    root = {
        "type": "application",
        "bom-ref": purl,
        "name": project["name"],
        "version": project["version"],
        "purl": purl,
        "licenses": [{"expression": project["license"]}],
    }
    components = [package.component() for package in packages]
    dependencies: list[Mapping[str, Any]] = [
        {"ref": purl, "dependsOn": [package.purl for package in packages]},
        *({"ref": package.purl} for package in packages),
    ]
    content = json.dumps([name, root, components], sort_keys=True)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}",
        "version": 1,
        "metadata": {"component": root, "properties": [{"name": "meterline:set", "value": name}]},
        "components": components,
        "dependencies": dependencies,
    }


def of_set(name: str) -> dict[str, Any]:
    """The document of one set, with the pages' scripts where it has them.

    Raises:
        LicenceRefusedError: A licence may not be shipped, or is not known.
    """
    return document(name, [*locked(name), *(page_scripts() if name in WITH_PAGES else ())])


def write(names: Sequence[str], folder: Path) -> Iterator[Path]:
    """Write the documents of sets into a folder."""
    folder.mkdir(exist_ok=True)
    for name in names:
        said = of_set(name)
        version = said["metadata"]["component"]["version"]
        file = folder / f"meterline-{version}-{name}.cdx.json"
        file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        yield file


def main() -> None:
    """Write the documents of the sets that are named, or of all that are shipped."""
    try:
        for file in write(sys.argv[1:] or SETS, REPOSITORY / "dist"):
            print(file.relative_to(REPOSITORY))
    except LicenceRefusedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
