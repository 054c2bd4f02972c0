"""Who acts in the tests."""

from __future__ import annotations

from datetime import datetime

from central.domain.actor import Actor, ActorKind, Via
from central.service.ports.decisions import DecisionNote


def person(name: str, via: Via = Via.COMMAND) -> Actor:
    """Somebody who acts by a command."""
    return Actor(ActorKind.PERSON, name, via)


OPERATOR = person("operator")


def noted(at: datetime, actor: Actor = OPERATOR, reason: str = "") -> DecisionNote:
    """That somebody does something at a time."""
    return DecisionNote(actor, reason, at)


CLERK = person("clerk")
CHIEF = person("chief")
TRADER = person("trader")
