"""Who does something: a person, a token, a job or a rule, and by which way.

The key of an actor is one text, under which tables keep it: a person by the bare name, everybody
else with the kind before it, such as `token:operator` or `job:validate`. Two keys are equal where
kind and id are; by which way somebody came never makes them another, so that four eyes count heads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from firmware_bridge.contract.errors import OperatorError

_ID_MAX = 200
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class ActorKind(StrEnum):
    """What an actor is. Stored: never renamed."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    JOB = "job"
    RULE = "rule"


class Via(StrEnum):
    """By which way an actor came. Stored: never renamed."""

    COMMAND = "command"
    API = "api"
    DASHBOARD = "dashboard"
    WORKER = "worker"


_PREFIXES = tuple(f"{kind.value}:" for kind in ActorKind)


class ActorRefusedError(OperatorError):
    """A name cannot be that of somebody who acts."""

    code = "ACTOR_REFUSED"
    default_remedy = "Give another name."


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Args:
        kind: What they are.
        id: Their name, which is printed; unique among its kind.
        via: By which way.

    Raises:
        ActorRefusedError: The id is empty, longer than 200 characters, has characters that nobody
            sees or spaces around it, or begins as another kind's key.
    """

    kind: ActorKind
    id: str
    via: Via

    def __post_init__(self) -> None:
        if (
            not 0 < len(self.id) <= _ID_MAX
            or self.id != self.id.strip()
            or _UNSEEN.search(self.id)
            or self.id.startswith(_PREFIXES)
        ):
            message = f"{self.id!r} is not valid as the name of somebody who acts."
            remedy = (
                f"Give a name of 1 to {_ID_MAX} visible characters that does not begin with"
                f" {', '.join(_PREFIXES)}."
            )
            raise ActorRefusedError(message, value=self.id, remedy=remedy)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id} via {self.via}"

    @property
    def key(self) -> str:
        """Under which tables keep them: the same for the same kind and id."""
        return self.id if self.kind is ActorKind.PERSON else f"{self.kind}:{self.id}"

    @classmethod
    def job(cls, name: str, via: Via = Via.WORKER) -> Self:
        """A job, such as `validate`."""
        return cls(ActorKind.JOB, name, via)


def printed_name(key: str) -> str:
    """The id in an actor's key, as it is printed.

    >>> printed_name("token:operator")
    'operator'
    """
    for prefix in _PREFIXES:
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    return key
