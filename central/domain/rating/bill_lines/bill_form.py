"""A rated bill as a form and the figures that fill it in, so that bills alike share the form.

The form says what all bills of one tariff, season and cycle with the same lines say: names, units,
prices, which line rests on what, the intervals of every sum. The figures are the bill's own:
amounts, quantities, the windows of its peaks, its blocks. Its hash is over the figures, which name
the form by its hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from central.domain.rating.hashing import digest

_OWN_WINDOWS = frozenset({"max", "daily_max", "mean_max", "excess", "excess_root"})
_OF_LINE = ("amount", "exact", "quantity")
_OF_DETERMINANT = ("exact", "value", "adjusted", "sources", "selection", "events", "worth")


def form_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a bill has in common with others.

    Args:
        said: As `Rated.to_json` gives it.
    """
    return {
        "currency": said["currency"],
        "tzdata": said["tzdata"],
        "lines": [line_form(line) for line in said["lines"]],
        "determinants": [determinant_form(one) for one in said["determinants"]],
    }


def line_form(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a line has in common with others."""
    return {name: value for name, value in said.items() if name not in _OF_LINE}


def determinant_form(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a determinant has in common with others."""
    shared = {name: value for name, value in said.items() if name not in _OF_DETERMINANT}
    own_windows = said["how"] in _OWN_WINDOWS
    return {**shared, "selection": None if own_windows else said["selection"]}


def figures_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is a bill's own, with the hash of its form; blocks behind several figures once.

    Args:
        said: As `Rated.to_json` gives it.
    """
    sources: list[dict[str, Any]] = []
    for one in said["determinants"]:
        sources.extend(source for source in one["sources"] if source not in sources)
    return {
        "form": digest(form_of(said)),
        "closing": said["closing"],
        "holds": said["holds"],
        "input_sha256": said["input_sha256"],
        "sources": sources,
        "lines": [[line[name] for name in _OF_LINE] for line in said["lines"]],
        "determinants": [determinant_figures(one, sources) for one in said["determinants"]],
    }


def determinant_figures(said: Mapping[str, Any], sources: Sequence[dict[str, Any]]) -> list[Any]:
    """What is a determinant's own.

    Args:
        said: As `Determinant.to_json` gives it.
        sources: Blocks that the bill tells once.
    """
    return [
        said["exact"],
        said["value"],
        said["adjusted"],
        [sources.index(source) for source in said["sources"]],
        said["selection"] if said["how"] in _OWN_WINDOWS else None,
        *([said.get("events")] if said.keys() & {"events", "worth"} else []),
        *([said["worth"]] if "worth" in said else []),
    ]


def filled(form: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """The bill that `form_of` and `figures_of` parted, as `Rated.from_json` reads it."""
    determinants = []
    for one, own in zip(form["determinants"], figures["determinants"], strict=True):
        with_figures = dict(zip(_OF_DETERMINANT, own, strict=False))
        if with_figures.get("events") is None:
            with_figures.pop("events", None)
        with_figures["sources"] = [figures["sources"][number] for number in own[3]]
        with_figures["selection"] = (
            one["selection"] if with_figures["selection"] is None else with_figures["selection"]
        )
        determinants.append({**one, **with_figures})
    return {
        "currency": form["currency"],
        "tzdata": form["tzdata"],
        "lines": [
            {**line, **dict(zip(_OF_LINE, own, strict=True))}
            for line, own in zip(form["lines"], figures["lines"], strict=True)
        ],
        "determinants": determinants,
        "closing": figures["closing"],
        "holds": figures["holds"],
        "input_sha256": figures["input_sha256"],
    }
