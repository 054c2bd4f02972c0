from __future__ import annotations

import socket

import pytest

from central.api.server import AddressTakenError, listen
from central.api.settings import WebSettings


def test_a_free_port_is_taken_where_none_is_named() -> None:
    with listen(WebSettings(port=0)) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert listener.getsockname()[1] > 0


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressTakenError, match=f"port {port}"):
            listen(WebSettings(port=port))
