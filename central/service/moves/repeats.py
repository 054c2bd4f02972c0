"""Whether a move was recorded before: the same again changes nothing, another one is refused."""

from __future__ import annotations

from central.service.moves.errors import MoveDiffersError
from central.service.ports.moves import MoveRecord, MoveTransaction, NewMove


async def recorded(
    registry: MoveTransaction, move: NewMove, service: str | None = None
) -> MoveRecord | None:
    """The move that was recorded before and says the same.

    Args:
        registry: The transaction.
        move: What is asked for.
        service: Which of the services of the point; None where that is not said.

    Raises:
        MoveDiffersError: One is recorded that says something else.
    """
    for record in await registry.moves(move.point):
        there = record.move
        if (there.kind, there.account, there.at) != (move.kind, move.account, move.at):
            continue
        if there.asked == move.asked:
            return record
        other = there.asked.get("service")
        if None in {service, other} or service == other:
            names = [name for name, value in move.asked.items() if there.asked.get(name) != value]
            message = (
                f"The move {record.uid} at {move.point} at {move.at.isoformat()} says another"
                f" {' and '.join(names)}."
            )
            raise MoveDiffersError(message, value=str(record.uid))
    return None
