"""What Python compiles for the tests is kept, whatever the environment says of it.

Of a machine that forbids it (PYTHONDONTWRITEBYTECODE), each process that runs tests would compile
every module and every test anew, eleven CPU seconds, and each program that a test starts half a
second. Importing this module keeps it, for this process and for those that it starts.
"""

from __future__ import annotations

import os
import sys

FORBIDS = "PYTHONDONTWRITEBYTECODE"

os.environ.pop(FORBIDS, None)
sys.dont_write_bytecode = False
