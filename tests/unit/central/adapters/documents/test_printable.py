"""What the table says the fonts print, against the typesetter itself."""

from __future__ import annotations

import unicodedata
from functools import cache

import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from central.adapters.documents.invoice import render_invoice
from central.domain.billing.bill import Account, Bill, Party, Supply
from central.domain.billing.make_bill import make_bill
from central.domain.billing.printable import is_unseen, named, unprintable
from central.domain.billing.state import BillState
from central.service.billing.invoice_document import UnprintableTextError
from tests.unit.central.adapters.documents.test_invoice import CYCLE, ISSUE, ZONE, made, rated_month
from tools.fonts import WEIGHTS, candidates, compiler, printed, refused

WITHOUT = ("\u4e00", "\u9fff", "\uac00", "\U00020000", "\U0001f600", "\x01", "\x7f", "\ue000")


@cache
def press() -> typst.Compiler:
    return compiler()


@cache
def known() -> tuple[str, ...]:
    """Every character that may stand alone and the table says is printed."""
    return tuple(
        one
        for one in candidates()
        if not unprintable(one) and unicodedata.category(one)[0] not in "MC"
    )


def test_all_that_the_table_has_is_printed() -> None:
    assert len(known()) > 5_000
    for weight in WEIGHTS:
        assert refused(press(), "\n".join(known()), weight) == set()


def test_what_stands_beside_it_is_not() -> None:
    beside = {chr(ord(one) + step) for one in known() for step in (-1, 1) if ord(one) > 0}
    lacking = sorted(
        one for one in beside & set(candidates()) if unprintable(one) and not is_unseen(one)
    )
    assert len(lacking) > 100
    for one in lacking[:: max(1, len(lacking) // 150)]:
        assert any(refused(press(), one, weight) for weight in WEIGHTS), ascii(one)


def test_letters_that_join_are_measured_as_if_each_stood_alone() -> None:
    arabic = [chr(code) for code in range(0x678, 0x688)]
    alone = [one for one in arabic if not any(refused(press(), one, weight) for weight in WEIGHTS)]
    assert 0 < len(alone) < len(arabic)
    assert printed(press(), arabic) == alone


@pytest.mark.parametrize("sign", WITHOUT, ids=ascii)
def test_what_no_font_has_is_named(sign: str) -> None:
    assert unprintable(f"a{sign}b{sign}") == (sign,)
    if unicodedata.category(sign)[0] != "C":
        assert refused(press(), sign, "regular")


@pytest.mark.parametrize(
    "text",
    [
        "Ana García Núñez", "Łódź, Żółć", "Việt Nam", "Ελλάδα", "Владимир", "École № 5", "10 €",
        "Müller & Söhne", "ÅÄÖ åäö", "Čeština", "Türkçe İı", "q\u0301 e\u0301", "co\u00adop",
        "1 \u2212 2",
    ],
)  # fmt: skip
def test_what_customers_are_called_in_europe_is_printed(text: str) -> None:
    assert unprintable(text) == ()
    for weight in WEIGHTS:
        assert refused(press(), text, weight) == set()


@given(
    st.sampled_from("aAq1 \u0445\u03c9\u05e9\u0639"),
    st.lists(st.characters(categories=["Mn"]), min_size=1, max_size=2),
)
def test_marks_on_letters_are_no_surprise_to_the_typesetter(letter: str, marks: list[str]) -> None:
    text = letter + "".join(marks)
    if not unprintable(text):
        assert all(refused(press(), text, weight) == set() for weight in WEIGHTS), ascii(text)


# What a font has and nobody sees; an override turns round what stands after it.
UNSEEN = (
    "\u202e", "\u202d", "\u2066", "\u2069", "\u200e", "\u061c", "\u200b", "\u2060", "\u2063",
    "\ufeff",
    "\u2028", "\u2029", "\u180e", "\ufff9", "\U000e0041", "\u034f", "\ufe0f", "\u17b4", "\u3164",
    "\u2800",
    "\u0378", "\U0010fffd", "\x00", "\x85",
)  # fmt: skip


@pytest.mark.parametrize("sign", UNSEEN, ids=ascii)
def test_what_nobody_sees_is_not_printed(sign: str) -> None:
    for text in (f"a{sign}b", sign, f"{sign}a", f"\u0627{sign}\u0628", f"e\u0301{sign}"):
        assert unprintable(text) == (sign,)


def test_a_joiner_belongs_between_arabic_letters_and_nowhere_else() -> None:
    assert unprintable("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627") == ()
    for text in ("a\u200cb", "\u200c\u0627", " \u200cb", "1\u200c"):
        assert unprintable(text) == ("\u200c",)
    assert unprintable("a\u200db") == ("\u200d",)


def test_a_bill_with_an_override_is_held_and_one_that_was_issued_prints_again() -> None:
    bill = bill_of("Ana \u202e00.001")
    (hold,) = bill.holds
    assert hold.code == "UNPRINTABLE_TEXT"
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in hold.message
    assert hold.message.isascii()
    with pytest.raises(UnprintableTextError, match=r"U\+202E"):
        render_invoice(bill)
    assert render_invoice(bill, issue=ISSUE).startswith(b"%PDF")


def test_characters_are_named_without_being_printed() -> None:
    assert named("北\x01") == "U+5317 CJK UNIFIED IDEOGRAPH-5317, U+0001"
    assert named("北京" * 8).endswith(" and 8 more")


def bill_of(name: str = "Ana", **given: str) -> Bill:
    buyer = Party(name, (given.get("address", "Calle Mayor 1"),), given.get("tax_id", ""))
    account = Account(given.get("number", "A-1"), buyer, Party(given.get("seller", "Seller")))
    supply = Supply(given.get("point", "SP-1"), "TOU", CYCLE.days, ZONE, rated_month()[0])
    return make_bill(account, CYCLE.period, [supply])


@pytest.mark.parametrize(
    ("place", "given"),
    [
        ("buyer's name", {"name": "北京"}),
        ("buyer's address", {"address": "北京"}),
        ("buyer's tax number", {"tax_id": "北京"}),
        ("account number", {"number": "北京"}),
        ("seller's name", {"seller": "北京"}),
        ("service point", {"point": "北京"}),
    ],
)
def test_a_text_that_cannot_be_printed_holds_the_bill(place: str, given: dict[str, str]) -> None:
    bill = bill_of(**given)
    (hold,) = bill.holds
    assert bill.state is BillState.HELD
    assert (hold.code, hold.evidence) == ("UNPRINTABLE_TEXT", "北京")
    assert place in hold.message
    assert "U+5317" in hold.message
    assert "U+4EAC" in hold.message
    assert hold.message.isascii()
    with pytest.raises(UnprintableTextError, match=r"U\+5317"):
        render_invoice(bill, issue=ISSUE)


def test_a_bill_that_can_be_printed_is_a_draft_as_before() -> None:
    bill = bill_of("Zoë Żuraw")
    assert (bill.state, bill.holds) == (BillState.DRAFT, ())
    assert render_invoice(bill).startswith(b"%PDF")
    assert made()[0].holds == ()
