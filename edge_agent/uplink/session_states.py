"""Where the uplink's conversation stands, what may happen there, and what of it changes nothing.

`edge_agent.uplink.session` has the transitions.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from edge_agent.uplink.events import CentreStarted, Connected, Disconnected, Event, Renewed, Stored


class SessionState(Enum):
    """Where the conversation stands.

    Attributes:
        OFFLINE: No connection; batches pile up.
        ONLINE: The hello is sent, the window is being filled.
        RENEWING: The session runner seals a new epoch; nothing is sent until it reports `Renewed`.
        RENEWING_OFFLINE: The same, and the connection went meanwhile.
    """

    OFFLINE = auto()
    ONLINE = auto()
    RENEWING = auto()
    RENEWING_OFFLINE = auto()


class Trigger(Enum):
    """What an event means to the session.

    Attributes:
        CONNECT: The connection stands.
        DISCONNECT: It went.
        STORE: The buffer has another batch.
        RAISE: The centre has more than it had.
        REPEAT: The centre has what it had.
        LOWER: The centre went back, and its answer to the last hello says so.
        STRANGE: The centre has another batch in that place than the buffer.
        QUARANTINE: The centre keeps batches aside that it cannot use.
        RENEW: The centre asks for a new epoch.
        FOLD: A closed epoch cannot be settled any more; what it holds goes on in the current one.
        ANNOUNCE: The centre has started.
        HELLO_DUE: It is time for a hello.
        RESEND_DUE: Nothing moved for too long.
        RENEWED: The buffer's epochs changed.
    """

    CONNECT = auto()
    DISCONNECT = auto()
    STORE = auto()
    RAISE = auto()
    REPEAT = auto()
    LOWER = auto()
    STRANGE = auto()
    QUARANTINE = auto()
    RENEW = auto()
    FOLD = auto()
    ANNOUNCE = auto()
    HELLO_DUE = auto()
    RESEND_DUE = auto()
    RENEWED = auto()


# An acknowledgement and elapsed time may mean several; the session looks closer.
TRIGGER_OF: Final[dict[type[Event], Trigger]] = {
    Connected: Trigger.CONNECT,
    Disconnected: Trigger.DISCONNECT,
    Stored: Trigger.STORE,
    CentreStarted: Trigger.ANNOUNCE,
    Renewed: Trigger.RENEWED,
}

_SENT_AGAIN: Final = "Nothing can be sent; the next connection sends all above `cum` again."
_ASKED_AGAIN: Final = "The answer to the next hello says it again."
_RENEWING: Final = "A new epoch is being sealed already."
_GREETS: Final = "A hello follows as soon as something can be sent."

IGNORED: Final[dict[tuple[SessionState, Trigger], str]] = {
    (SessionState.OFFLINE, Trigger.REPEAT): _SENT_AGAIN,
    (SessionState.OFFLINE, Trigger.STRANGE): _ASKED_AGAIN,
    (SessionState.OFFLINE, Trigger.RENEW): _ASKED_AGAIN,
    (SessionState.OFFLINE, Trigger.FOLD): _ASKED_AGAIN,
    (SessionState.OFFLINE, Trigger.ANNOUNCE): _GREETS,
    (SessionState.RENEWING, Trigger.REPEAT): _SENT_AGAIN,
    (SessionState.RENEWING, Trigger.LOWER): _ASKED_AGAIN,
    (SessionState.RENEWING, Trigger.STRANGE): _ASKED_AGAIN,
    (SessionState.RENEWING, Trigger.RENEW): _RENEWING,
    (SessionState.RENEWING, Trigger.FOLD): _RENEWING,
    (SessionState.RENEWING, Trigger.ANNOUNCE): _GREETS,
    (SessionState.RENEWING, Trigger.HELLO_DUE): _GREETS,
    (SessionState.RENEWING_OFFLINE, Trigger.REPEAT): _SENT_AGAIN,
    (SessionState.RENEWING_OFFLINE, Trigger.STRANGE): _ASKED_AGAIN,
    (SessionState.RENEWING_OFFLINE, Trigger.RENEW): _RENEWING,
    (SessionState.RENEWING_OFFLINE, Trigger.FOLD): _RENEWING,
    (SessionState.RENEWING_OFFLINE, Trigger.ANNOUNCE): _GREETS,
}
"""What changes nothing, and why. Pairs neither here nor in the session's table cannot happen."""
