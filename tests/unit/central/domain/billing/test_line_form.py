"""Forms and figures make the lines again, and lines alike share a form."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from central.domain.billing.line_form import NumberedLine, joined, parted
from central.domain.rating.bill_lines.adjusted_line import AdjustedLine
from central.domain.rating.bill_lines.line import Determinant, RatedLine, Selection
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.segments import DayRange

OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))
START = datetime(2026, 10, 1, tzinfo=UTC)


def determinant(channel: int, how: str, begin: int) -> Determinant:
    source = BlockSource(
        "import", channel, OCTOBER.first, OCTOBER.end, (1,) * 31, f"{channel:064x}", Fraction(1)
    )
    windows = Selection(START, 900, ((begin, 4),))
    use = Fraction(channel, 7)
    return Determinant("kw", 0, "peak", "kW", use, use, how, windows, (source,))


def line(
    channel: int = 1, how: str = "max", begin: int = 4, name: str = "Demand", note: str = ""
) -> RatedLine:
    return RatedLine(
        *("demand", "demand/peak", "demand", name, "peak", 0, 0, OCTOBER.first, OCTOBER.end),
        *(Decimal(channel), "kW", Decimal("7.5"), Fraction(channel, 3), Decimal(channel) / 100),
        *("ab" * 32, (determinant(channel, how, begin),), ("energy",), note),
    )


def numbered(*lines: RatedLine, point: str = "SP-1") -> list[NumberedLine]:
    return [
        NumberedLine(number, point, canonical(one.to_json()))
        for number, one in enumerate(lines, start=3)
    ]


def test_bills_alike_share_their_forms() -> None:
    ours, figures = parted(numbered(line(), line(), point="SP-1"))
    theirs, others = parted(numbered(line(9, begin=96, note="due"), line(8), point="SP-2"))
    assert ours == theirs
    assert figures != others
    (form, _) = ours
    heading = form.charge, form.kind, form.name, form.label, form.unit
    assert heading == ("demand", "demand", "Demand", "peak", "kW")
    group = figures.split("\x1e")[1].split("\x1f")
    at = (form.amount_at, form.price_at, form.quantity_at)
    assert [group[place - 1] for place in at] == ['"0.01"', '"7.5"', '"1"']


def test_blocks_behind_several_lines_are_said_once() -> None:
    _, figures = parted(numbered(line(), line(how="sum"), line()))
    assert figures.count(f"{1:064x}") == 1
    assert figures.count("SP-1") == 1


def test_sums_of_other_intervals_have_another_form() -> None:
    (one,), _ = parted(numbered(line(how="sum", begin=4)))
    (other,), _ = parted(numbered(line(how="sum", begin=8)))
    assert one.sha256 != other.sha256


def test_what_adjusts_is_the_bills_own() -> None:
    old = AdjustedLine("c-1", "INV-1", "k", None, Decimal(3), Decimal(1), Decimal(2))
    forms, _ = parted(
        numbered(line()._replace(adjusts=old), line()._replace(adjusts=old._replace(bill="INV-2")))
    )
    assert forms[0] == forms[1]


# With whatever a name may look like, also the names of members and what stands for a value.
texts = st.text() | st.sampled_from(
    [
        '"amount":"7"',
        'x"value":null',
        "$1",
        "\x1e\x1f",
        '\\"sha256\\":"',
        "\\",
        '"how":"max"{}',
        "é€😀",
    ]
)


@given(st.lists(st.tuples(texts, texts, texts, st.sampled_from(["max", "sum"])), max_size=4))
def test_form_and_figures_are_the_line(rows: list[tuple[str, str, str, str]]) -> None:
    lines = [
        NumberedLine(
            number, point, canonical(line(name=name, note=note, how=how, begin=number).to_json())
        )
        for number, (name, note, point, how) in enumerate(rows, start=1)
    ]
    forms, figures = parted(lines)
    assert joined([form.content for form in forms], figures) == lines
    assert [form.name for form in forms] == [name for name, *_ in rows]
