"""Figures of a process for Prometheus, in its text format (version 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SECONDS: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Bounds of what people or gateways wait for. [s]"""
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric.

    Args:
        name: Without the prefix; its unit is in it.
        help: One sentence.
        value: None where it is not known; then it is left out, for a zero would be believed.
        counter: Whether it only rises.
        labels: What tells it from others of its name.
    """

    name: str
    help: str
    value: float | None
    counter: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


class Histogram:
    """How long things took since the process began: how many of them a bound was enough for.

    Args:
        name: Without the prefix; its unit is in it.
        help: One sentence.
        bounds: Ascending; the last is followed by one without end.
        labels: Names of what tells one series from another. Whoever observes sees to it that
            their values are few.
    """

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002 - as Prometheus has it
        bounds: Sequence[float] = SECONDS,
        labels: Sequence[str] = (),
    ) -> None:
        self.name, self.help = name, help
        self._bounds, self._labels = tuple(bounds), tuple(labels)
        self._series: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}
        if not labels:
            self._of(())

    def observe(self, value: float, *labels: str) -> None:
        """Count a value.

        Args:
            value: In the unit of the name.
            labels: In the order of their names.
        """
        counts, total = self._of(labels)
        counts[bisect_left(self._bounds, value)] += 1
        total[0] += value

    def lines(self, program: str) -> Iterator[str]:
        """As Prometheus reads it."""
        name = f"{program}_{self.name}"
        yield from _head(name, self.help, "histogram")
        for values, (counts, (total,)) in sorted(self._series.items()):
            labels, below = dict(zip(self._labels, values, strict=True)), 0
            ends = [*(f"{bound:.10g}" for bound in self._bounds), "+Inf"]
            for end, count in zip(ends, counts, strict=True):
                below += count
                yield _sample(f"{name}_bucket", {**labels, "le": end}, below)
            yield _sample(f"{name}_sum", labels, total)
            yield _sample(f"{name}_count", labels, below)

    def _of(self, labels: tuple[str, ...]) -> tuple[list[int], list[float]]:
        if (series := self._series.get(labels)) is None:
            series = self._series[labels] = [0] * (len(self._bounds) + 1), [0.0]
        return series


def expose(figures: Iterable[Figure | Histogram], program: str) -> str:
    """The figures as Prometheus reads them.

    Args:
        figures: In the order to show; those of one name one after another.
        program: Prefix of their names.
    """
    lines: list[str] = []
    before = ""
    for figure in figures:
        if isinstance(figure, Histogram):
            lines += figure.lines(program)
            continue
        if figure.value is None:
            continue
        name = f"{program}_{figure.name}"
        if name != before:
            lines += _head(name, figure.help, "counter" if figure.counter else "gauge")
        before = name
        lines.append(_sample(name, figure.labels, figure.value))
    return "\n".join(lines) + "\n"


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value:.10g}" if inside else f"{name} {value:.10g}"
