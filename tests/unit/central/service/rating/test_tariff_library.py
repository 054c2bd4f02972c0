"""The library of tariffs: every bill to the cent, every figure with its source or marked."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from central.domain.rating.lineage import explain
from central.domain.tariff.document import Charge, TariffDocument
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.service.rating.tariff_library import (
    figures_of,
    library_bills,
    library_names,
    library_tariff,
    library_text,
)
from tests.support.data import REPOSITORY

NAMES = library_names()
PAGE = REPOSITORY / "docs" / "reference" / "tariff-library.md"


def with_figures(document: TariffDocument) -> set[str]:
    """What of a tariff has a price, a percent or an amount."""
    charges = (*document.charges, *document.riders)
    rules = (*charges, *document.minimums, *document.commitments, *document.taxes)
    # What a series gives, and what counts a fact of the agreement by one, has no figure of its own.
    none = {charge.id for charge in document.charges if charge.times or _is_one(charge)}
    return {rule.id for rule in rules} - none | {bank.name for bank in document.money_banks}


def _is_one(charge: Charge) -> bool:
    return charge.price is not None and {price for _, price in charge.price.rows} == {Decimal(1)}


@pytest.mark.parametrize("name", NAMES)
def test_every_bill_comes_out_as_computed_by_hand(name: str) -> None:
    bills = list(library_bills(name))
    assert bills
    for file, case in bills:
        bill = case.priced()
        charges = [charge for document in case.documents for charge in document.charges]
        priced = {charge.id for charge in charges if charge.times is not None}
        expected = case.given["lines"]
        amounts = {line.key: line.amount for line in bill.rated.lines}
        assert amounts == {line["key"]: Decimal(line["amount"]) for line in expected}, file
        for line in expected:
            (rated,) = (entry for entry in bill.rated.lines if entry.key == line["key"])
            for what in ("quantity", "price"):
                if what in line:
                    assert getattr(rated, what) == Decimal(line[what]), (file, line["key"])
            for proof in explain(rated, case.blocks, case.events):
                assert proof.sum == proof.determinant.exact
                if rated.id in priced:
                    assert proof.worth == rated.exact
        assert bill.rated.total == Decimal(case.given["total"]) == sum(amounts.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_source_or_is_marked_as_an_example(name: str) -> None:
    document = library_tariff(name)
    assert document.tariff == name
    assert document.title
    figures = with_figures(document)
    sourced = {entry for source in document.sources for entry in source.of}
    # A formula of a price, or what is measured by one, may have figures of its own.
    named = {rule.name for rule in (*document.prices, *document.determinants)}
    assert sourced <= figures | named
    if figures_of(document) == "published":
        assert figures <= sourced
    else:
        assert document.illustrative
    for source in document.sources:
        assert re.fullmatch(r"https?://[^\s/]+\.[^\s/]+(/\S*)?", source.address)
        assert date(2010, 1, 1) < source.date
    assert load_tariff(to_canonical_text(document)) == document


@pytest.mark.parametrize("name", NAMES)
def test_a_bill_shows_its_arithmetic(name: str) -> None:
    folder = Path(str(REPOSITORY)) / "central" / "tariffs"
    assert library_text(name).startswith("# ")
    for file, _ in library_bills(name):
        assert (folder / f"{file}.bill.yaml").read_text(encoding="utf-8").startswith("# ")


def test_the_reference_lists_the_library() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    listed = [match[1] for row in rows if (match := re.match(r"\| `([a-z0-9.-]+)` \|", row))]
    assert listed == sorted(NAMES)
