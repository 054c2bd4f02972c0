"""What a part carries on, as it is kept."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.carried_state import CarriedState

_EMPTY = CarriedState()


def state_text(state: CarriedState) -> tuple[str, bytes]:
    """A state as it is kept, and its hash.

    States that are worth the same may come from other days, owners and tariffs: only those that
    hold nothing share a text. That is short, since most bills have one; its hash is of the whole.
    """
    if state.before is None and state == _EMPTY:
        return "{}", _empty_sha256()
    text = canonical(state.to_json())
    return text, hashlib.sha256(text.encode()).digest()


@lru_cache(maxsize=1)
def _empty_sha256() -> bytes:
    return hashlib.sha256(canonical(_EMPTY.to_json()).encode()).digest()
