"""Figures of a process for Prometheus, in its text format (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric.

    Args:
        name: Without the prefix; its unit is in it.
        help: One sentence.
        value: None where it is not known; then it is left out, for a zero would be believed.
        counter: Whether it only rises.
    """

    name: str
    help: str
    value: float | None
    counter: bool = False


def expose(figures: Sequence[Figure], program: str) -> str:
    """The figures as Prometheus reads them.

    Args:
        figures: In the order to show.
        program: Prefix of their names.
    """
    lines: list[str] = []
    for figure in figures:
        if figure.value is None:
            continue
        name = f"{program}_{figure.name}"
        kind = "counter" if figure.counter else "gauge"
        lines += [f"# HELP {name} {figure.help}", f"# TYPE {name} {kind}"]
        lines.append(f"{name} {figure.value:.10g}")
    return "\n".join(lines) + "\n"
