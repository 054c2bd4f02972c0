"""Have the pages' scripts in the wheel and the source archive: what builds them runs this.

They are not in git. Where they have not been fetched yet, `tools/assets.py` does it now; a source
archive carries them, so that a wheel is built from it without a network.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ScriptsHook(BuildHookInterface[Any]):
    """Fetches the scripts before anything is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Fetch them, but for an editable installation, which packs nothing."""
        if version == "editable":
            return
        assets = runpy.run_path(str(Path(self.root) / "tools" / "assets.py"))
        try:
            fetched = assets["build"]()
        except assets["AssetError"] as error:
            self.app.abort(str(error))
        else:
            if fetched:
                self.app.display_info("Fetched the pages' scripts.")
