"""Every message of an older release decodes for ever."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.contract import messages
from firmware_bridge.contract.body import Columns
from firmware_bridge.contract.envelope import Batch, open_batch

VECTORS = Path(__file__).parents[2] / "vectors"
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


def described(batch: Batch) -> dict[str, Any]:
    return {
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
    else:
        assert repr(DECODERS[vector["kind"]](payload)) == vector["expect"]
