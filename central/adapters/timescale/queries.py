"""Named statements in .sql files.

A statement begins with a line `-- name: <name>`; comment lines below it say why, and the statement
ends where the next begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def load_queries(path: Path) -> Mapping[str, LiteralString]:
    """The statements of a file, by name."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    # The files are part of the program, so their text is as trustworthy as a literal in it.
    return dict(zip(parts[1::2], cast("list[LiteralString]", parts[2::2]), strict=True))
