"""How a command ends, and what it prints.

Exit codes: 0 done; 2 the command line is wrong; 3 a file or setting cannot be used; 4 nothing
answered.
"""

from __future__ import annotations

from typing import Annotated

import typer

EXIT_UNUSABLE = 3
EXIT_NO_ANSWER = 4

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
