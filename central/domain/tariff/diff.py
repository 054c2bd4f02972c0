"""What changed from one version of a tariff to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.export import to_source


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs.

    Args:
        path: Keys down to it; entries of lists are named by their id where they have one.
        before: As the earlier document says it, None where it says nothing.
        after: As the later one does.
    """

    path: str
    before: str | None
    after: str | None


def diff(before: TariffDocument, after: TariffDocument) -> tuple[Change, ...]:
    """The places where two documents differ, in the order of the language."""
    return tuple(_walk("", to_source(before), to_source(after)))


def _walk(path: str, before: object, after: object) -> Iterator[Change]:
    if before == after:
        return
    one, two = _named(before), _named(after)
    if one is None or two is None:
        yield Change(path, _value_text(before), _value_text(after))
        return
    for key in dict.fromkeys([*one, *two]):
        yield from _walk(f"{path}.{key}" if path else key, one.get(key), two.get(key))


def _named(value: object) -> dict[str, object] | None:
    """Entries by key; those of a list by id, else by number."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return {
            str(entry["id"]) if isinstance(entry, dict) and "id" in entry else str(number): entry
            for number, entry in enumerate(value)
        }
    return None


def _value_text(value: object) -> str | None:
    return None if value is None else str(value)
