"""Every message of an older release decodes for ever."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware_bridge.contract import messages, remote
from firmware_bridge.contract.body import Columns
from firmware_bridge.contract.envelope import Batch, open_batch
from firmware_bridge.contract.signed import Purpose, key_id, open_signed

VECTORS = Path(__file__).parents[3] / "vectors"
CASES = [
    pytest.param(vector, id=f"{file.stem}: {vector['name']}")
    for file in sorted(VECTORS.glob("*.json"))
    for vector in json.loads(file.read_text())
]
DECODERS: dict[str, Callable[[bytes], object]] = {
    "down": messages.decode_down,
    "hello": messages.decode_hello,
    "status": messages.decode_status,
}
SIGNED: dict[str, tuple[Purpose, Callable[[bytes], object]]] = {
    "configuration": (Purpose.CONFIGURATION, remote.decode_configuration),
    "update": (Purpose.UPDATE, remote.decode_update),
}
# What a status could not say yet when its vector was made.
LATER = (", refused=()", ", config=None, updates=()")


def described(batch: Batch) -> dict[str, Any]:
    events = {"events": [repr(event) for event in batch.events]} if batch.events else {}
    return events | {
        "version": batch.header.version,
        "epoch": str(batch.header.epoch),
        "sequence": batch.header.sequence,
        "sha256": batch.header.sha256.hex(),
        "prev_hash": batch.prev_hash.hex(),
        "made_at_ms": batch.made_at_ms,
        "channels": [f"{channel} {channel.unit}" for channel in batch.channels],
        "columns": {name: getattr(batch.columns, name) for name in Columns.__slots__},
        "void": batch.void and [batch.void.replaces.hex(), batch.void.reason],
    }


@pytest.mark.parametrize("vector", CASES)
def test_vector_decodes(vector: dict[str, Any]) -> None:
    payload = bytes.fromhex(vector["hex"])
    if vector["kind"] == "batch":
        assert described(open_batch(vector["gateway"], payload)) == vector["expect"]
    elif vector["kind"] in SIGNED:
        purpose, decode = SIGNED[vector["kind"]]
        signed, public = open_signed(purpose, payload), bytes.fromhex(vector["public_key"])
        assert signed.key_id == key_id(public)
        Ed25519PublicKey.from_public_bytes(public).verify(signed.signature, signed.frame)
        assert repr(decode(signed.body)) == vector["expect"]
    else:
        found = repr(DECODERS[vector["kind"]](payload))
        older = [found := found.replace(later, "") for later in LATER]
        assert vector["expect"] in {repr(DECODERS[vector["kind"]](payload)), *older}
