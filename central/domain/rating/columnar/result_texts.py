"""The bills of a batch as canonical text, column by column.

What bills share is written once, as the text around their numbers; nothing is written before
somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import repeat

from central.domain.rating.bill_lines.bill_form import (
    determinant_figures,
    determinant_form,
    line_form,
)
from central.domain.rating.bill_lines.line import Determinant, ratio
from central.domain.rating.bill_lines.line_text import determinant_frame, keys_text, line_frame
from central.domain.rating.columnar.determinant_columns import Measured
from central.domain.rating.columnar.results import (
    CanonicalColumn,
    DeterminantFigures,
    Results,
    some,
    spread,
    together,
)
from central.domain.rating.hashing import (
    Piece,
    canonical,
    canonical_objects,
    canonical_texts,
    digest_parts,
)
from central.domain.rating.inputs.carried_state import CarriedState


class ResultTexts:
    """The texts of the bills of one batch, for `Rated`.

    Args:
        results: The bills.
        currency: Of all of them.
        tzdata: Of all of them.
        closing: The state that each leaves.
        input_hashes: Of each.
    """

    def __init__(
        self,
        results: Results,
        currency: str,
        tzdata: str,
        closing: CanonicalColumn[CarriedState],
        input_hashes: Sequence[str],
    ) -> None:
        self._results = results
        self._shared = {"currency": currency, "tzdata": tzdata}
        self._closing = closing
        self._input_hashes = input_hashes

    @cached_property
    def lines(self) -> list[tuple[str, ...]]:
        """The lines of each bill, each as `canonical(line.to_json())` writes it."""
        behind = [
            self._determinant(one, figures)
            for one, figures in zip(
                self._results.measured, self._results.determinant_figures, strict=True
            )
        ]
        columns = [self._line(number, behind) for number in range(len(self._results.columns))]
        gaps = any(one.present is not None for one in self._results.columns)
        return together(columns, self._results.count, gaps=gaps)

    @cached_property
    def figures(self) -> list[str]:
        """The figures of each bill, as `Rated.figures` has them."""
        results = self._results
        sources = [results.source(*place).texts for place in results.places]
        determinants = list(
            map(self._determinant_figures, results.measured, results.determinant_figures)
        )
        lines = list(map(self._line_figures, range(len(results.columns))))
        return canonical_objects(
            {
                "form": ('"', self._forms(), '"'),
                "closing": (self._closing.texts,),
                "holds": ("[]",),
                "input_sha256": ('"', list(self._input_hashes), '"'),
                "sources": ("[", _listed(sources, results.count), "]"),
                "lines": ("[", _listed(lines, results.count), "]"),
                "determinants": ("[", _listed(determinants, results.count), "]"),
            },
            results.count,
        )

    def _determinant(self, measured: Measured, figures: DeterminantFigures | None) -> list[str]:
        if figures is None:
            return [canonical(measured.model.to_json())] * self._results.count
        model = measured.model
        before, to_exact, to_selection, to_sources, to_value, end = determinant_frame(model)
        selection: Piece = "null"
        if figures.selection is not None:
            selection = figures.selection.texts
        elif model.selection is not None:
            selection = canonical(model.selection.to_json())
        sources: list[Piece] = []
        for source in figures.sources:
            sources += ["," if sources else "", source.texts]
        pieces: tuple[Piece, ...] = (
            *(before, '"', _adjusted(model, figures), '"'),
            *(to_exact, '"', figures.exact.texts, '"'),
            *(to_selection, selection),
            *(to_sources, "[", *sources, "]"),
            *(to_value, '"', figures.value.texts, '"', end),
        )
        return canonical_texts(pieces, self._results.count)

    def _line(self, number: int, determinants: Sequence[list[str]]) -> list[str]:
        line, figures = self._results.columns[number], self._results.line_figures(number)
        model = self._results.line_model(number, line.of)
        before, to_exact, to_of, to_quantity, end = line_frame(model)
        behind: Piece = ""
        if line.determinants:
            rows = zip(*(determinants[place] for place in line.determinants), strict=True)
            behind = some(list(map(",".join, rows)), figures.flags)
        of: Piece = keys_text(model.of) if figures.of is None else list(map(keys_text, figures.of))
        quantity: tuple[Piece, ...] = ("null",)
        if figures.quantity is not None:
            quantity = ('"', figures.quantity.texts, '"')
        pieces: tuple[Piece, ...] = (
            *(before, '"', figures.amount.texts, '","determinants":[', behind, "]"),
            *(to_exact, '"', figures.exact.texts, '"'),
            *(to_of, of, to_quantity, *quantity, end),
        )
        return self._of_all(number, canonical_texts(pieces, len(figures.exact.texts)))

    def _of_all(self, number: int, texts: list[str]) -> list[str]:
        """A line of those that have it, for all."""
        flags = self._results.line_figures(number).flags
        if self._results.columns[number].alike:
            return texts * self._results.count
        return texts if flags is None else spread(texts, flags, "")

    def _determinant_figures(
        self, measured: Measured, figures: DeterminantFigures | None
    ) -> list[str]:
        if figures is None:
            text = canonical(determinant_figures(measured.model.to_json(), ()))
            return [text] * self._results.count
        windows = figures.selection
        pieces: tuple[Piece, ...] = (
            *('["', figures.exact.texts, '","', figures.value.texts, '","'),
            _adjusted(measured.model, figures),
            f'",{canonical(list(figures.source_numbers))},',
            *("null" if windows is None else windows.texts, "]"),
        )
        return canonical_texts(pieces, self._results.count)

    def _line_figures(self, number: int) -> list[str]:
        figures = self._results.line_figures(number)
        quantity: tuple[Piece, ...] = ("null",)
        if figures.quantity is not None:
            quantity = ('"', figures.quantity.texts, '"')
        pieces = ('["', figures.amount.texts, '","', figures.exact.texts, '",', *quantity, "]")
        return self._of_all(number, canonical_texts(pieces, len(figures.exact.texts)))

    def _forms(self) -> list[str]:
        """The hash of each bill's form."""
        results = self._results
        determinants = [determinant_form(one.model.to_json()) for one in results.measured]
        shared = {**self._shared, "determinants": determinants}
        parts = {name: canonical(value) for name, value in shared.items()}

        def form(absent: set[int]) -> str:
            present = [number for number in range(len(results.columns)) if number not in absent]
            of = [[n for n in results.columns[number].of if n not in absent] for number in present]
            lines = ",".join(map(self._line_form, present, of))
            return digest_parts({**parts, "lines": f"[{lines}]"})

        masks = {n: one.present for n, one in enumerate(results.columns) if one.present is not None}
        if not masks:
            return [form(set())] * results.count
        rows = list(zip(*(mask.tolist() for mask in masks.values()), strict=True))
        forms = {
            row: form({n for n, has in zip(masks, row, strict=True) if not has})
            for row in set(rows)
        }
        return [forms[row] for row in rows]

    def _line_form(self, number: int, of: Sequence[int]) -> str:
        models = [one.model for one in self._results.measured]
        return canonical(line_form(self._results.line_model(number, of).to_json(models)))


def _adjusted(model: Determinant, figures: DeterminantFigures) -> Piece:
    return ratio(model.adjusted) if figures.adjusted is None else figures.adjusted.texts


def _listed(columns: Sequence[list[str]], count: int) -> list[str]:
    """The texts of each bill, without those that it has not."""
    rows: Iterable[tuple[str, ...]] = zip(*columns, strict=True) if columns else repeat((), count)
    return [",".join(filter(None, row)) for row in rows]
