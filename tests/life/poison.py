"""Messages that no honest gateway sends: each is kept and named, and stops nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tests.life.truth import IMPORT, Run
from tests.life.wire import Sender

_FAR = 2**60
KINDS = ("nul", "late", "stranger", "other", "junk", "flipped")


@dataclass(frozen=True)
class Poison:
    """A message.

    Args:
        gateway: Its sender.
        payload: Its bytes.
        kept: The table that keeps it: `quarantine`, `rejected`, or `reading` for values of a meter
            that is at no point.
    """

    gateway: str
    payload: bytes = field(repr=False)
    kept: str


def brew(kind: str, sender: Sender, at_ms: int) -> Poison:
    """Poison from a gateway.

    Args:
        kind: `nul` in a serial number; a `late` instant, beyond what any column holds; a meter that
            is a `stranger`; a meter of an`other` gateway; `junk`; a batch with a `flipped` bit.
        sender: Whose.
        at_ms: Now. [ms since 1970 UTC]
    """
    one = np.ones(1, np.int64)
    serial = {"nul": "S\x00", "other": "S1-1" if sender.name != "gw-1" else "S2-1"}.get(
        kind, f"X-{sender.name}"
    )
    at = one * (_FAR if kind == "late" else at_ms - at_ms % 3_600_000)
    if kind == "junk":
        return Poison(sender.name, b"\x00MLB" + at_ms.to_bytes(8, "big"), "rejected")
    before = sender.sequence, sender.previous
    payload = sender.seal(at_ms, [Run(serial, IMPORT, 3600, at, one)])
    if kind == "flipped":
        # What was not received intact takes no place in the chain.
        sender.sequence, sender.previous = before
        return Poison(sender.name, payload[:-1] + bytes([payload[-1] ^ 1]), "rejected")
    return Poison(sender.name, payload, "reading" if kind == "stranger" else "quarantine")
