"""Which metered inputs a tariff reads: import, export, kvarh, m3, or those that it names itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.version import TariffVersion


def inputs_read(versions: Iterable[TariffVersion]) -> frozenset[str]:
    """The inputs that any of some versions sums, takes the maximum of, or compares."""
    return frozenset(name for version in versions for name in _read(version.document))


def _read(document: TariffDocument) -> Iterator[str]:
    terms = {series.name: [name for name, _ in series.terms] for series in document.series}
    waiting = [
        series
        for rule in document.determinants
        if (series := getattr(rule, "series", None)) is not None
    ]
    while waiting:
        name = waiting.pop()
        if name in terms:
            waiting += terms[name]
        else:
            yield name
