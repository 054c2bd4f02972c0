"""What is wrong with a broker's files is said with the file, its key and the broker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.config.broker import Broker
from edge_agent.errors import BrokerTlsError


@pytest.mark.parametrize("key", ["ca_file", "cert_file", "key_file"])
@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_each_file_is_named_with_its_key_and_broker(
    tmp_path: Path, key: str, content: bytes | None
) -> None:
    there, file = tmp_path / "there.pem", tmp_path / "file.pem"
    there.write_bytes(b"no certificate either")
    if content is not None:
        file.write_bytes(content)
    pair = {} if key == "ca_file" else {"cert_file": there, "key_file": there}
    broker = replace(Broker("second.test", 8883, tls=True, **pair), **{key: file})  # type: ignore[arg-type]
    with pytest.raises(BrokerTlsError) as caught:
        broker.tls_context()
    said = str(caught.value)
    assert f"`{key}` {file}" in said
    assert "second.test:8883" in said
    assert ("No such file" in said) == (content is None)
