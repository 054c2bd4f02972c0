"""Trace money: from an entry to the bills that it paid, and from a bill to what paid it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from central.domain.billing.drawdown import Drawdown, MoneyOrigin, drawdowns
from central.service.ports.drawdowns import DrawdownStore, TracedPart
from central.service.views.lookup import require


@dataclass(frozen=True, slots=True)
class TracedDrawdown:
    """What became of some money in a part of a bill.

    Args:
        billed: The part of the bill.
        drawdown: What became of it.
    """

    billed: TracedPart
    drawdown: Drawdown

    @property
    def entry(self) -> str | None:
        """Key of the entry; None of what export earned, or was brought over."""
        source = self.drawdown.source
        return source.name if source.origin is MoneyOrigin.ENTRY else None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts as strings."""
        billed, drawdown = self.billed, self.drawdown
        amounts = {
            name: format(getattr(drawdown, name), "f")
            for name in ("applied", "refunded", "expired", "left")
        }
        return {
            "origin": drawdown.source.origin.value,
            "entry": self.entry,
            "bank": billed.bank,
            "bill": billed.bill,
            "number": billed.number or None,
            "state": billed.state,
            "from": billed.first.isoformat(),
            "until": billed.end.isoformat(),
            "currency": billed.currency,
            **amounts,
        }


class TraceMoney:
    """The use-case.

    Args:
        store: What bills did to banks.
    """

    def __init__(self, store: DrawdownStore) -> None:
        self._store = store

    async def __call__(
        self, account: str, entry: str | None = None, bill: str | None = None
    ) -> Sequence[TracedDrawdown]:
        """What became of the money of an account, bank by bank, in the order of its bills.

        Args:
            account: Number, or identifier.
            entry: Key of the only entry that is asked for.
            bill: Identifier or legal number of the only bill.

        Raises:
            NotFoundError: There is no such account.
        """
        parts = require(await self._store.parts(account), "account", account)
        banks: dict[tuple[str, str], list[TracedPart]] = {}
        for billed in parts:
            banks.setdefault((billed.bank, billed.currency), []).append(billed)
        traced: list[TracedDrawdown] = []
        for some in banks.values():
            by_key = {billed.moved.part_id: billed for billed in some}
            drawn = drawdowns(billed.moved for billed in some)
            traced += [TracedDrawdown(by_key[each.part_id], each) for each in drawn]
        return [
            each
            for each in traced
            if entry in {None, each.entry} and bill in {None, each.billed.bill, each.billed.number}
        ]
