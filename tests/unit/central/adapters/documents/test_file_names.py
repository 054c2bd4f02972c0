from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from central.domain.billing.bill import RunType
from central.service.billing.print_invoice import file_name

CYCLE = "2026-10"
ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
ACCOUNTS = ANY | st.text("aA/_.-1\u00e9e\u0301", min_size=1)


def test_a_plain_account_is_read_in_the_name() -> None:
    assert file_name("A-1", CYCLE) == "A-1-2026-10.pdf"
    assert file_name("ES-4100", CYCLE) == "ES-4100-2026-10.pdf"
    assert file_name("A-1", CYCLE, draft=True) == "A-1-2026-10-draft.pdf"


def test_accounts_that_look_alike_have_files_of_their_own() -> None:
    alike = ["A/1", "A_1", "a/1", "a_1", "A\\1", "A 1", "../A_1", "\u00e9", "e\u0301"]
    alike += ["X" * 90, "X" * 91]
    names = {file_name(account, CYCLE).casefold() for account in alike}
    assert len(names) == len(alike)


def test_bills_of_one_account_have_files_of_their_own() -> None:
    names = {
        file_name("A-1", cycle, kind, revision)
        for cycle in ("2026-10", "2026-11")
        for kind in RunType
        for revision in (0, 1, 2)
    }
    assert len(names) == 2 * len(RunType) * 3


@given(ACCOUNTS, ACCOUNTS)
def test_names_differ_on_every_file_system_as_accounts_do(one: str, other: str) -> None:
    files = (file_name(each, CYCLE) for each in (one, other))
    names = [unicodedata.normalize("NFC", name).casefold() for name in files]
    assert (one == other) is (names[0] == names[1])


@given(ACCOUNTS)
def test_a_name_is_one_wherever_it_goes(account: str) -> None:
    name = file_name(account, CYCLE, RunType.OFF_CYCLE, 12)
    assert re.fullmatch(r"[A-Za-z0-9_~][A-Za-z0-9._~-]*\.pdf", name)
    assert len(name) < 200
