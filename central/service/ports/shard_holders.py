"""What taking shards over from frozen workers needs of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HeldShard:
    """A shard that somebody is working on.

    Args:
        number: Which.
        holder: The store's name for the transaction that has it.
    """

    number: int
    holder: str


class ShardHolders(Protocol):
    """Who works on the shards of a run."""

    async def held_shards(self, run: int) -> tuple[HeldShard, ...]:
        """The shards of a run that somebody has, by number.

        Args:
            run: Its key.
        """

    async def end_holder(self, shard: HeldShard) -> bool:
        """End the transaction that has a shard, if it is there still: nothing of it is stored.

        Returns:
            Whether one was ended.
        """
