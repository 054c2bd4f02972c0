"""Each test of a store runs in memory and on real servers: see `store_servers`."""

from __future__ import annotations

import pytest

from tests.support.servers import store_servers

STORES = ("utility", "stores")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the fixture that opens a store what it opens."""
    test = f"{metafunc.definition.nodeid}"
    for fixture in STORES:
        if fixture in metafunc.fixturenames:
            kinds = ["memory", *store_servers(test)]
            metafunc.parametrize(fixture, kinds, indirect=True, ids=str)
