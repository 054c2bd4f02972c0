"""Every kind of store: memory, and real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.support.ingest import Stores, memory_stores, timescale_stores
from tests.support.servers import PostgresKind

if TYPE_CHECKING:
    from tests.conftest import _Servers


@pytest.fixture
async def stores(request: pytest.FixtureRequest, _servers: _Servers) -> AsyncIterator[Stores]:
    """One kind of store, empty."""
    if not isinstance(request.param, PostgresKind):
        async with memory_stores() as made:
            yield made
        return
    with _servers.copy(request.param) as database:
        async with timescale_stores(database.dsn) as made:
            yield made
