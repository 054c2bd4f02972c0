from __future__ import annotations

import re

import pytest

from central.dashboard.page import TEMPLATES
from central.dashboard.page_tables import TableColumns, read_table

WITHOUT = {
    "_impact.html": "is in the CSV of what was tried",
    "_line.html": "the steps of one line, which the table of lines holds",
    "_tariff.html": "draws the tariff's text, which is a file itself",
    "_tried.html": "has a CSV of its own",
    "api_reference.html": "is the API's OpenAPI document, which is a file itself",
    "cycle_changes.html": "asks for a confirmation",
    "exception_outcome.html": "answers what was sent, and cannot be asked again",
    "shadow_bills.html": "has a CSV of its own",
    "tariffs_compared.html": "has a CSV of its own",
    "usage.html": "has a CSV of its own",
}
"""Templates whose tables cannot be taken away, and why."""

PAGE = """<section><table data-csv="other"><tbody><tr><td>no</td></tr></tbody></table>
<a rel="next" href="/list?page=2">next</a></section>
<section><table class="x" data-csv="bills"><thead>
<tr><th scope="col"></th><th>Account</th><th class="n">Used</th><th class="n">Days</th>
<th>Since</th><th>Why</th></tr></thead><tbody>
<tr><td><input type="checkbox" name="a"></td>
<th><a href="/a">Zoë &amp; <b>Co</b></a><span class="below">SP-1</span></th>
<td class="n">1234.5 kWh</td><td class="n">\N{MINUS SIGN}3</td>
<td><time datetime="2026-10-01T00:00:00Z" title="t">2 d ago</time></td>
<td>late data<br>edit <svg><text>drawn</text></svg><button>Accept</button></td></tr>
<tr><td></td><th>Sum</th><td class="n">\N{EN DASH}</td><td class="n">+4</td><td colspan="2">all
 <table><tr><td>inner</td></tr></table></td></tr>
</tbody></table><nav><a rel="first" href="/list">f</a>
<a rel="next" href="/list?after=7&amp;q=x">n</a></nav></section>"""


def test_a_table_is_what_somebody_reads() -> None:
    table = read_table(PAGE, "bills")
    assert table is not None
    columns = TableColumns(table, "unit")
    assert columns.heading == ["Account", "Used", "Used, unit", "Days", "Since", "Why"]
    assert [columns.cells(row) for row in table.rows] == [
        ["Zoë & Co", "1234.5", "kWh", "-3", "2026-10-01T00:00:00Z", "late data; edit"],
        ["Sum", "", "", "4", "all", ""],
    ]


def test_only_the_pages_of_its_own_list_follow() -> None:
    table = read_table(PAGE, "bills")
    assert table is not None
    assert (table.first, table.following) == ("/list", "/list?after=7&q=x")


def test_a_table_of_another_name_is_none() -> None:
    assert read_table(PAGE, "runs") is None


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_each_table_can_be_taken_away(path: object) -> None:
    name = getattr(path, "name", "")
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    tables = re.findall(r"<table\b[^>]*>", text)
    if name in WITHOUT:
        assert any("data-csv" not in table for table in tables), f"{name} needs no exception"
        return
    assert [table for table in tables if "data-csv" not in table] == []
    # Where one macro makes several tables, each has its link.
    links = re.findall(r"parts\.csv\(link, ", text)
    assert len(links) >= len(tables)
