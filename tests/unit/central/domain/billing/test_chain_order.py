"""Bills go in the order of their chain; what waits is named, and stops no other."""

from __future__ import annotations

from uuid import UUID

from central.domain.billing.chain_order import (
    ChainLink,
    PredecessorNotApprovedError,
    PredecessorNotIssuedError,
    in_chain_order,
)
from central.domain.billing.state import BillState

A, B, C, OTHER = (UUID(int=number) for number in range(1, 5))
APPROVED = {BillState.APPROVED, BillState.ISSUED}


def link(before: UUID, state: BillState = BillState.DRAFT, *, same: bool = True) -> ChainLink:
    return ChainLink(before, f"A-1/{before.int}", state, same)


def test_each_comes_after_the_one_before() -> None:
    links = {B: [link(A)], C: [link(B)]}
    ordered, barred = in_chain_order([C, OTHER, B, A], links, APPROVED, PredecessorNotApprovedError)
    assert ordered.index(A) < ordered.index(B) < ordered.index(C)
    assert (len(ordered), barred) == (4, {})


def test_what_waits_takes_those_behind_along_and_no_other() -> None:
    links = {B: [link(A)], C: [link(B)]}
    ordered, barred = in_chain_order([B, C, OTHER], links, APPROVED, PredecessorNotApprovedError)
    assert ordered == [OTHER]
    assert {uid: error.code for uid, error in barred.items()} == {
        B: "PREDECESSOR_NOT_APPROVED",
        C: "PREDECESSOR_NOT_APPROVED",
    }
    assert str(barred[B]) == "The bill opens from A-1/1, which is draft. Approve A-1/1 first."


def test_one_before_that_is_far_enough_is_no_hindrance() -> None:
    links = {B: [link(A, BillState.APPROVED)]}
    assert in_chain_order([B], links, APPROVED, PredecessorNotApprovedError)[0] == [B]
    _, barred = in_chain_order([B], links, {BillState.ISSUED}, PredecessorNotIssuedError)
    assert barred[B].remedy == "Issue A-1/1 first."


def test_parts_of_one_bill_wait_for_no_other() -> None:
    assert in_chain_order([B], {B: [link(B)]}, APPROVED, PredecessorNotApprovedError)[0] == [B]


def test_another_state_than_the_one_left_is_stale() -> None:
    links = {B: [link(A, BillState.APPROVED, same=False)], C: [link(B)]}
    ordered, barred = in_chain_order([B, C], links, APPROVED, PredecessorNotApprovedError)
    assert ordered == []
    assert [barred[uid].code for uid in (B, C)] == ["BILL_STALE", "PREDECESSOR_NOT_APPROVED"]
