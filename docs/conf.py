"""How `make docs` turns these pages into a site; see tools/docs.py."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Meterline"
author = "Meterline's maintainers"
project_copyright = author
release = metadata.version("meterline")

extensions = ["myst_parser"]
root_doc = "README"
# As where the pages are read one by one: `#a-heading` of any level is a link.
myst_heading_anchors = 5

html_theme = "furo"
html_title = f"Meterline {release}"
html_copy_source = False
html_show_sphinx = False

_PAGES = "README"
_DOCS = Path(__file__).parent


def _contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give each folder's first page the contents of its folder, which the site is built from."""
    del app
    folder, _, page = name.rpartition("/")
    if page != _PAGES:
        return
    here = _DOCS / folder
    pages = [each.stem for each in sorted(here.glob("*.md")) if each.stem != _PAGES]
    folders = [each.parent.name for each in sorted(here.glob(f"*/{_PAGES}.md"))]
    listed = [*(f"{each}/{_PAGES}" for each in folders), *pages]
    if listed:
        source[0] += "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(listed) + "\n```\n"


def setup(app: Sphinx) -> None:
    """Hook into the reading of pages."""
    app.connect("source-read", _contents)
