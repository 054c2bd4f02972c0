"""An error in few words, for a log that hostile messages write to."""

from __future__ import annotations

import traceback

from firmware_bridge.contract.plain_text import plain

_SAID_MAX = 300


def error_fields(error: Exception) -> dict[str, str]:
    """What was raised, and where.

    A whole traceback, drawn with all that stands in its frames, takes seconds in which nobody's
    readings are stored.
    """
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    where = "" if last is None else f"{last.filename}:{last.lineno} {last.name}"
    return {"error": plain(f"{type(error).__name__}: {error}", _SAID_MAX), "where": where}
