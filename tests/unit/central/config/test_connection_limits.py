"""No process starts whose transactions could last longer than what is known is certain."""

from __future__ import annotations

import pytest

from central.config.connection_limits import LONGEST_S, ConnectionLimits, LimitsRefusedError
from central.config.ingest import IngestSettings
from central.config.settings import Settings


def test_the_defaults_add_up_to_the_longest_at_most() -> None:
    assert Settings().limits.longest_s <= LONGEST_S
    assert IngestSettings().limits.longest_s <= LONGEST_S
    assert ConnectionLimits().longest_s <= LONGEST_S


@pytest.mark.parametrize(
    ("statement_s", "idle_s", "transaction_s"), [(111, 60, 120), (0, 60, 120), (1, 0, 1), (1, 1, 0)]
)
def test_limits_without_an_end_are_refused(
    statement_s: float, idle_s: float, transaction_s: float
) -> None:
    given = Settings(
        statement_timeout_s=statement_s, idle_timeout_s=idle_s, transaction_timeout_s=transaction_s
    )
    with pytest.raises(LimitsRefusedError, match="could last") as caught:
        assert given.limits
    assert caught.value.remedy is not None
    assert "METERLINE_TRANSACTION_TIMEOUT_S" in caught.value.remedy


def test_ingests_own_are_named() -> None:
    with pytest.raises(LimitsRefusedError) as caught:
        assert IngestSettings(ingest_statement_timeout_s=0).limits
    assert "METERLINE_INGEST_STATEMENT_TIMEOUT_S" in str(caught.value.remedy)
