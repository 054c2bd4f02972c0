"""The canonical text of a line with its lineage; what several lines rest on is told once."""

from __future__ import annotations

from functools import lru_cache

from central.domain.rating.hashing import canonical
from central.domain.rating.line import Determinant, Line, Selection, Source


class LineTexts:
    """Tells the lines of one bill, each as `canonical(line.to_json())` does."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def of(self, line: Line) -> str:
        """The text of a line of the bill."""
        said = canonical(line._replace(determinants=()).to_json())
        behind = ",".join(map(self._determinant, line.determinants))
        # In a string a quote follows a backslash, so only the member itself looks like this.
        return said.replace('"determinants":[]', f'"determinants":[{behind}]', 1)

    def _determinant(self, one: Determinant) -> str:
        known = self._known.get(id(one))
        if known is None:
            said = canonical(one._replace(sources=(), selection=None).to_json())
            sources = ",".join(map(self._source, one.sources))
            said = said.replace('"sources":[]', f'"sources":[{sources}]', 1)
            if one.selection is not None:
                said = said.replace('"selection":null', f'"selection":{_text(one.selection)}', 1)
            self._known[id(one)] = known = said
        return known

    def _source(self, source: Source) -> str:
        known = self._known.get(id(source))
        if known is None:
            self._known[id(source)] = known = canonical(source.to_json())
        return known


@lru_cache(maxsize=1024)
def _text(selection: Selection) -> str:
    """Bills of one cycle select the same intervals for their sums."""
    return canonical(selection.to_json())
