"""Numbered SQL, forward only; `central.adapters.timescale.migrate` applies it.

Owns the schema, and says on which versions of it this release works. It does not run anything, and
no migration that was released changes.
"""

from typing import Final

WORKS_WITHOUT: Final = frozenset({68, 71, 73})
"""Migrations that nothing of this release needs yet, so that it works before them too."""
