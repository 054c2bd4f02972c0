"""The tables of a page, read from the page as it is sent.

How it works: a table that people may take away has a name (`data-csv`). Of its rows the texts are
read as somebody sees them: no controls, no drawings; of an instant the instant itself. A column of
numbers with their unit becomes two, so that a spreadsheet can add the numbers up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from central.dashboard.present import DASH

_UNSEEN: Final = {"svg", "button", "select", "textarea", "script", "style"}
_WITHOUT_END: Final = {"br", "input", "img", "hr", "meta", "link", "col"}
_NUMBER: Final = re.compile(r"\+?(-?\d+(?:\.\d+)?)(?:\s(.+))?")


@dataclass(slots=True)
class TableCell:
    """A cell.

    Args:
        text: As somebody reads it.
        numeric: Whether its column holds numbers.
        span: How many columns it takes.
    """

    text: str
    numeric: bool
    span: int = 1


@dataclass(slots=True)
class PageTable:
    """A table of one page of a list.

    Args:
        heading: The last row of its head.
        rows: The others, each of its cells.
        first: Address of the list's first page; "" where this is it.
        following: Address of the list's next page; "" where this is the last.
    """

    heading: list[TableCell] = field(default_factory=list)
    rows: list[list[TableCell]] = field(default_factory=list)
    first: str = ""
    following: str = ""


class TableColumns:
    """Which columns a spreadsheet gets of a table.

    Args:
        table: The first page of it.
        unit: The word for a unit, in the language of the page.
    """

    def __init__(self, table: PageTable, unit: str) -> None:
        rows = [_spread(row) for row in table.rows]
        heading = _spread(table.heading)
        self._columns: list[tuple[int, bool]] = []
        self.heading: list[str] = []
        for number, head in enumerate(heading):
            cells = [row[number] for row in rows if number < len(row)]
            if not head.text and not any(cell.text for cell in cells):
                continue
            matches = [_NUMBER.fullmatch(cell.text) for cell in cells if cell.numeric]
            united = any(match is not None and match[2] for match in matches)
            self._columns.append((number, united))
            self.heading += [head.text, f"{head.text}, {unit}"] if united else [head.text]

    def cells(self, row: Sequence[TableCell]) -> list[str]:
        """The texts of a row."""
        spread = _spread(row)
        texts: list[str] = []
        for number, united in self._columns:
            text = spread[number].text if number < len(spread) else ""
            if united:
                match = _NUMBER.fullmatch(text)
                texts += [match[1], match[2] or ""] if match else [text, ""]
            else:
                match = _NUMBER.fullmatch(text)
                texts.append(match[1] if match and not match[2] else text)
        return texts


def read_table(page: str, name: str) -> PageTable | None:
    """A table of a page; None where there is none of that name.

    Args:
        page: HTML.
        name: Of the table.
    """
    reader = _TableReader(name)
    reader.feed(page)
    reader.close()
    if reader.table is not None:
        links = reader.links.get(reader.table_section, {})
        reader.table.first, reader.table.following = links.get("first", ""), links.get("next", "")
    return reader.table


def _spread(row: Sequence[TableCell]) -> list[TableCell]:
    """A cell for each column: what spans several is in the first."""
    cells = []
    for cell in row:
        cells += [cell, *(TableCell("", cell.numeric) for _ in range(cell.span - 1))]
    return cells


class _TableReader(HTMLParser):
    """Reads one table, and which pages its list has before and behind."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.table: PageTable | None = None
        self.table_section = 0
        self.links: dict[int, dict[str, str]] = {}
        self._name = name
        self._sections = [0]
        self._numbered = 0
        self._depth = 0
        self._unseen = 0
        self._row: list[TableCell] | None = None
        self._cell: list[str] | None = None
        self._is_head = False
        self._time: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "section":
            self._numbered += 1
            self._sections.append(self._numbered)
        if tag == "a" and given.get("rel") in {"first", "next"}:
            self.links.setdefault(self._sections[-1], {})[given["rel"]] = given.get("href", "")
        if tag == "table":
            self._open_table(given)
        elif self._depth:
            self._inside(tag, given)

    def _open_table(self, given: Mapping[str, str]) -> None:
        if self._depth:
            self._depth += 1
        elif given.get("data-csv") == self._name and self.table is None:
            self.table, self.table_section, self._depth = PageTable(), self._sections[-1], 1

    def _inside(self, tag: str, given: Mapping[str, str]) -> None:
        if self._unseen or tag in _UNSEEN or "below" in given.get("class", "").split():
            self._unseen += tag not in _WITHOUT_END
        elif tag == "thead":
            self._is_head = True
        elif tag == "tr" and self._depth == 1:
            self._row = []
        elif tag in {"th", "td"} and self._depth == 1 and self._row is not None:
            span = given.get("colspan", "1")
            numeric = "n" in given.get("class", "").split()
            self._cell = []
            self._row.append(TableCell("", numeric, int(span) if span.isdigit() else 1))
        elif tag in {"br", "li", "p", "div"} and self._cell:
            self._cell.append("; ")
        elif tag == "time" and self._cell is not None:
            self._time = given.get("datetime") or None
            self._cell.append(self._time or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "section" and len(self._sections) > 1:
            self._sections.pop()
        if not self._depth:
            return
        if tag == "table":
            self._depth -= 1
        elif self._unseen:
            self._unseen -= 1
        elif tag == "thead":
            self._is_head = False
        elif tag == "time":
            self._time = None
        elif tag in {"th", "td"} and self._depth == 1 and self._cell is not None and self._row:
            self._row[-1].text = _plain("".join(self._cell))
            self._cell = None
        elif tag == "tr" and self._depth == 1 and self._row is not None and self.table is not None:
            if self._is_head:
                self.table.heading = self._row
            else:
                self.table.rows.append(self._row)
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None and self._depth == 1 and not self._unseen and not self._time:
            self._cell.append(data)


def _plain(text: str) -> str:
    text = text.replace("\N{MINUS SIGN}", "-")
    texts = filter(None, (" ".join(each.split()) for each in text.split("; ")))
    joined = "; ".join(texts)
    return "" if joined == DASH else joined
