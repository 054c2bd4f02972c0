"""The same utility on memory and on every server found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.support.books import Utility, memory_utility, timescale_utility
from tests.support.servers import PostgresKind

if TYPE_CHECKING:
    from tests.conftest import _Servers


@pytest.fixture
async def utility(request: pytest.FixtureRequest, _servers: _Servers) -> AsyncIterator[Utility]:
    """A utility without customers."""
    if not isinstance(request.param, PostgresKind):
        async with memory_utility() as made:
            yield made
        return
    with _servers.copy(request.param) as database:
        async with timescale_utility(database.dsn) as made:
            yield made
