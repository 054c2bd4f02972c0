"""Who acts, and under which key."""

from __future__ import annotations

import pytest

from central.domain.actor import Actor, ActorKind, ActorRefusedError, Via, printed_name


def test_an_actor_says_kind_id_and_way() -> None:
    """As `person:ana via command`."""
    assert str(Actor(ActorKind.PERSON, "ana", Via.COMMAND)) == "person:ana via command"
    assert str(Actor.job("validate")) == "job:validate via worker"


def test_a_person_is_kept_by_name_and_others_with_their_kind() -> None:
    """So that what was kept before there were kinds stays the same person."""
    assert Actor(ActorKind.PERSON, "ana", Via.COMMAND).key == "ana"
    assert Actor(ActorKind.TOKEN, "operator", Via.API).key == "token:operator"
    assert Actor(ActorKind.RULE, "small@3", Via.WORKER).key == "rule:small@3"


def test_the_way_makes_nobody_another() -> None:
    """Two keys are equal where kind and id are."""
    keys = {Actor(ActorKind.PERSON, "ana", via).key for via in Via}
    assert keys == {"ana"}
    kinds = {Actor(kind, "ana", Via.API).key for kind in ActorKind}
    assert len(kinds) == len(ActorKind)


@pytest.mark.parametrize("kind", ActorKind)
def test_what_is_printed_is_the_id(kind: ActorKind) -> None:
    """Whatever the kind, also where the name has a colon."""
    for name in ("ana", "ACME: night shift"):
        assert printed_name(Actor(kind, name, Via.COMMAND).key) == name


@pytest.mark.parametrize(
    "name", ["", " ana", "a" * 201, "ana\n", "ana\x00", "\ud800", "token:operator", "person:ana"]
)
def test_a_name_that_could_pass_for_another_is_refused(name: str) -> None:
    """A person named as a token's key would be that token to the four eyes."""
    with pytest.raises(ActorRefusedError, match="is not valid as the name") as caught:
        Actor(ActorKind.PERSON, name, Via.COMMAND)
    assert caught.value.remedy is not None
