"""Scripts, styles and icons under names that carry their content, so that browsers keep them.

Every file is read once, at start; a changed file has another name, and an old page asks for a name
that is no longer there, which its reload mends.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.contract.errors import ConfigurationError

STATIC = Path(__file__).parent / "static"
NEEDED = ("app.css", "app.js", "chart.js", "favicon.svg", "vendor/htmx.js", "vendor/uplot.js",
          "vendor/uplot.css")  # fmt: skip
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HASH_CHARS = 12


class AssetsMissingError(ConfigurationError):
    """Scripts or styles of the pages have not been fetched or are not installed."""

    code = "ASSETS_MISSING"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served.

    Args:
        name: Its name under /static/, with the hash.
        media_type: What it is.
        plain: Its bytes.
        zipped: Its bytes, compressed.
    """

    name: str
    media_type: str
    plain: bytes
    zipped: bytes


class Assets:
    """All files of the pages, by plain and by served name.

    Args:
        folder: Where they are.

    Raises:
        AssetsMissingError: One that pages need is not there.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        missing = [name for name in NEEDED if not (folder / name).is_file()]
        if missing:
            message = f"The dashboard's files are missing: {', '.join(missing)}."
            raise AssetsMissingError(
                message, value=missing, remedy="Run `python tools/assets.py` to fetch them."
            )
        files = {name: _load(folder / name, name) for name in NEEDED}
        self._by_name = files
        self._by_served = {asset.name: asset for asset in files.values()}

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"/static/{self._by_name[name].name}"

    def served(self, name: str) -> Asset | None:
        """The file under a served name."""
        return self._by_served.get(name)

    def plain(self, name: str) -> Asset:
        """The file under its plain name."""
        return self._by_name[name]


def _load(path: Path, name: str) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:_HASH_CHARS]
    served = f"{Path(name).stem}.{digest}{path.suffix}"
    return Asset(served, _TYPES[path.suffix], content, gzip.compress(content, mtime=0))
