"""Where a life meets moves: who comes, who goes, other meters and tariffs, each as one use-case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.moves import TimescaleMoves
from central.service.moves.moves import Moves
from central.service.moves.requests import (
    AgreementChange,
    GivenRead,
    MeterExchange,
    MoveIn,
    MoveOut,
    NewMeter,
    ReadsAtMove,
)
from firmware_bridge.contract.obis import Obis
from tests.life.books import Agreement
from tests.life.truth import SERVICE
from tests.life.wire import MAKER
from tests.support.actors import person

Reads = Mapping[str, tuple[int, int, int]]
"""By code: what the old register shows, what the new one does, and its modulus. [Wh or L]"""
_THOUSAND = Decimal(1000)


class ProductMoves:
    """The use-cases.

    Args:
        pool: Of the store.
        clock: Now.
    """

    def __init__(self, pool: Pool, clock: Callable[[], datetime]) -> None:
        self._moves = Moves(TimescaleMoves(pool), person("registrar"), clock)

    async def comes(self, one: Agreement, by_hand: Mapping[str, int]) -> None:
        """An account moves in; what is not read by hand may come later."""
        reads = _reads(by_hand)
        asked = MoveIn(
            one.account, one.point, one.plan, one.first, _service(one), one.end, reads=reads
        )
        await self._moves.move_in(asked, "signed")

    async def goes(self, one: Agreement, end: date, by_hand: Mapping[str, int]) -> None:
        """An account moves out; likewise."""
        asked = MoveOut(one.account, one.point, end, one.service, reads=_reads(by_hand))
        await self._moves.move_out(asked, "gave notice")

    async def changes(self, one: Agreement, plan: str, first: date) -> None:
        """An account goes on under another tariff."""
        asked = AgreementChange(one.account, one.point, plan, first, one.service)
        await self._moves.change_agreement(asked, "chose another tariff")

    async def exchange(
        self, point: str, at: datetime, serial: str, gateway: str, reads: Reads
    ) -> None:
        """Another meter goes in, with the reads of both."""
        closing, opening, moduli = (
            tuple(
                GivenRead(Obis.parse(code), Decimal(values[place]) / _THOUSAND)
                for code, values in reads.items()
            )
            for place in range(3)
        )
        meter = NewMeter(MAKER, serial, gateway=gateway, moduli=moduli)
        asked = MeterExchange(point, at, meter, closing, opening)
        await self._moves.exchange_meter(asked, "due for calibration")


def _reads(by_hand: Mapping[str, int]) -> ReadsAtMove:
    return ReadsAtMove(
        tuple(
            GivenRead(Obis.parse(code), Decimal(shown) / _THOUSAND)
            for code, shown in by_hand.items()
        ),
        later=True,
    )


def _service(one: Agreement) -> str | None:
    """The one that is named; what bills all is made with the first agreement."""
    return None if one.service in SERVICE.values() else one.service
