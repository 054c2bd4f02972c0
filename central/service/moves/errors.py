"""Why a move is refused, whole."""

from __future__ import annotations

from firmware_bridge.contract.errors import OperatorError


class PointOccupiedError(OperatorError):
    """Somebody pays for the service at that time."""

    code = "POINT_OCCUPIED"
    default_remedy = "Let them move out first."


class NotOccupiedError(OperatorError):
    """The account has no agreement there on that day."""

    code = "NOT_OCCUPIED"
    default_remedy = "`meterline-central registry history agreement` shows which there are."


class FutureAgreementsError(OperatorError):
    """The account has agreements there that begin later."""

    code = "FUTURE_AGREEMENTS"
    default_remedy = "Take them back first, with `agreement withdraw`."


class ReadMissingError(OperatorError):
    """It is not known what registers showed at an instant that is over."""

    code = "READ_MISSING"
    default_remedy = (
        "Give it, wait for the meter, or say that it comes later: the bill is held until then, or"
        " estimated by its window."
    )


class ReadDiffersError(OperatorError):
    """A read that is given is not what is stored for that instant."""

    code = "READ_DIFFERS"
    default_remedy = "Leave it out, and what is stored counts; or correct what is given."


class ReadRefusedError(OperatorError):
    """A read that is given cannot be stored."""

    code = "READ_REFUSED"
    default_remedy = "Correct the read, or leave it out and let it come later."


class MoveDiffersError(OperatorError):
    """Such a move is recorded, and says something else."""

    code = "MOVE_DIFFERS"
    default_remedy = "Take it back with `move undo`, then give the right one."


class NoSuchMoveError(OperatorError):
    """There is no such move."""

    code = "NO_SUCH_MOVE"
    default_remedy = "`meterline-central move list` shows which there are."


class MovedSinceError(OperatorError):
    """What a move did was changed since, so that it cannot be taken back alone."""

    code = "MOVED_SINCE"
    default_remedy = "Take back what came later first."
