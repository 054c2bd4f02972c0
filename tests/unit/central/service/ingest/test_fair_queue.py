"""Senders take turns, and who sends too much discards its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from central.service.ingest.fair_queue import FairQueue


def drained(queue: FairQueue[str]) -> list[str]:
    return [queue.take() for _ in range(len(queue))]


def test_one_message_waits_for_one_of_each_other_sender_and_no_more() -> None:
    queue: FairQueue[str] = FairQueue(1_000, 500)
    for number in range(100):
        assert queue.offer("evil", f"evil {number}", 1)
    for name in ("a", "b"):
        assert queue.offer(name, name, 1)
    assert drained(queue)[:4] == ["evil 0", "a", "b", "evil 1"]


def test_who_has_its_share_is_refused_and_nobody_else() -> None:
    queue: FairQueue[str] = FairQueue(100, 20)
    taken = [queue.offer("evil", str(number), 10) for number in range(5)]
    assert taken == [True, True, False, False, False]
    assert queue.offer("a", "a", 10)
    assert queue.discarded == {"evil": 3}
    assert len(queue) == 3
    assert queue.weight == 30


def test_a_full_queue_makes_room_at_the_cost_of_the_heaviest() -> None:
    queue: FairQueue[str] = FairQueue(100, 100)
    for number in range(10):
        queue.offer("evil", f"evil {number}", 10)
    assert queue.offer("a", "a", 25)
    assert queue.discarded == {"evil": 3}
    assert drained(queue) == ["evil 0", "a", *(f"evil {number}" for number in range(1, 7))]


def test_what_is_larger_than_the_queue_takes_no_others_place() -> None:
    queue: FairQueue[str] = FairQueue(100, 10)
    assert queue.offer("a", "a", 60)
    assert not queue.offer("b", "b", 101)
    assert queue.offer("b", "small", 40)
    assert queue.discarded == {"b": 1}


@given(
    st.lists(
        st.one_of(
            st.none(), st.tuples(st.sampled_from("abc"), st.integers(min_value=1, max_value=40))
        ),
        max_size=60,
    )
)
def test_nothing_is_lost_uncounted_and_nobody_overtakes_himself(
    acts: list[tuple[str, int] | None],
) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue(100, 60)
    offered, left = 0, []
    for act in acts:
        if act is None:
            if len(queue):
                left.append(queue.take())
        else:
            queue.offer(act[0], (act[0], offered), act[1])
            offered += 1
        assert queue.weight <= 100
    left += [queue.take() for _ in range(len(queue))]
    assert queue.weight == 0
    assert len(left) + queue.discarded.total() == offered
    for name in "abc":
        numbers = [number for sender, number in left if sender == name]
        assert numbers == sorted(numbers)
