"""The library: real tariffs that come with Meterline, each with bills computed by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.service.rating.bill_case import BillCase, read_case
from central.service.rating.set_parameters import with_values
from firmware_bridge.contract.errors import InvalidValueError

_BILL, _TARIFF = ".bill.yaml", ".yaml"
_TOP_KEYS = {"tariff": r"^tariff:.*$", "effective": r"^effective:.*$"}
Figures = Literal["published", "partly published", "illustrative"]


class UnknownLibraryTariffError(InvalidValueError):
    """The library has no such tariff."""

    code = "NOT_IN_LIBRARY"
    default_remedy = "`meterline-central tariff library` lists what is there."


def library_names() -> tuple[str, ...]:
    """Names of its tariffs, ascending."""
    names = (entry.name for entry in _folder().iterdir())
    tariffs = (name for name in names if name.endswith(_TARIFF) and not name.endswith(_BILL))
    return tuple(sorted(name.removesuffix(_TARIFF) for name in tariffs))


def library_text(name: str) -> str:
    """The text of a tariff, with its comments.

    Raises:
        UnknownLibraryTariffError: There is none of that name.
    """
    if name not in library_names():
        message = f"The library has no tariff {name!r}."
        raise UnknownLibraryTariffError(message, value=name)
    return _text(name + _TARIFF)


def library_tariff(name: str) -> TariffDocument:
    """A tariff of the library.

    Raises:
        UnknownLibraryTariffError: There is none of that name.
    """
    return load_tariff(library_text(name), file=name + _TARIFF)


def library_bills(name: str) -> Iterator[tuple[str, BillCase]]:
    """The bills of a tariff, by the names of their files."""
    for entry in sorted(_folder().iterdir(), key=lambda entry: entry.name):
        text = _text(entry.name) if entry.name.endswith(_BILL) else ""
        if f"\ntariff: {name}{_TARIFF}\n" in text:
            yield entry.name.removesuffix(_BILL), read_case(text, entry.name, _text)


def figures_of(document: TariffDocument) -> Figures:
    """Whether a tariff's figures are published ones, as it says itself."""
    if not document.sources:
        return "illustrative"
    return "partly published" if document.illustrative else "published"


def started_from(
    name: str,
    tariff: str | None,
    effective: date | None,
    settings: Sequence[tuple[str, str]] = (),
) -> str:
    """The text of a tariff of the library, as the beginning of another.

    Args:
        name: In the library.
        tariff: Name of the new one; None leaves it.
        effective: First day of the new one; None leaves it.
        settings: Parameters to VALUE, or to VALUE@DAY from a day on.

    Raises:
        UnknownLibraryTariffError: There is none of that name.
        TariffRefusedError: The new name cannot be a tariff's, or a value a parameter's.
        UnknownParameterError: The tariff has no such parameter.
    """
    text = library_text(name)
    values = {"tariff": tariff, "effective": effective}
    for key, value in values.items():
        if value is not None:
            line = f"{key}: {value}"
            text = re.sub(_TOP_KEYS[key], lambda _, line=line: line, text, flags=re.MULTILINE)  # type: ignore[misc]
    text = with_values(text, settings, effective or load_tariff(text).effective)
    load_tariff(text, file=name + _TARIFF)
    return text


def _text(file: str) -> str:
    return (_folder() / file).read_text(encoding="utf-8")


def _folder() -> Traversable:
    return files("central") / "tariffs"
