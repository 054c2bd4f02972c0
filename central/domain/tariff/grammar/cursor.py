"""Where a document is being read, and what is known there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from central.domain.tariff.grammar.node import Fields, Items, Node, Scalar
from central.domain.tariff.grammar.report import Report, StopReadingError
from central.domain.tariff.grammar.scope import Quantity, Scope
from central.domain.tariff.refusal import Code

_Read = TypeVar("_Read")


class Values(dict[str, Any]):
    """What is read of a mapping, by key.

    What rests on a value that was refused cannot be judged: asking for one leaves the part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    def __missing__(self, key: str) -> NoReturn:
        if key in self.refused:
            raise StopReadingError
        raise KeyError(key)


@dataclass(slots=True)
class Cursor:
    """A node, where it stands, and what is known there.

    Args:
        node: What is read.
        report: Where findings go.
        scope: What it may refer to.
        path: Keys and indexes down to it, "" for the document.
        key: The last of them.
        holder: The cursor of what holds it, None for the document.
        quantity: What prices and steps apply to here.
        values: What is read of this mapping so far.
        has_refused: Whether a part of it was refused.
    """

    node: Node
    report: Report
    scope: Scope
    path: str = ""
    key: str = ""
    holder: Cursor | None = None
    quantity: Quantity = field(default_factory=Quantity)
    values: Values = field(default_factory=Values)
    has_refused: bool = False

    @property
    def line(self) -> int:
        """The line it starts on."""
        return self.node.line

    @property
    def record(self) -> Cursor:
        """The mapping whose field this is; some refusals stand on its line."""
        return self.holder or self

    def refuse(self, code: Code, message: str, remedy: str, *, line: int | None = None) -> NoReturn:
        """Add a finding here, or on another line, and leave the item being read."""
        self.report.refuse(code, line or self.line, self.path or "$", message, remedy)

    def note(self, code: Code, message: str, remedy: str, *, line: int | None = None) -> None:
        """Add a finding here, or on another line, and go on."""
        self.report.note(code, line or self.line, self.path or "$", message, remedy)

    @contextmanager
    def reading(self, key: str = "") -> Iterator[None]:
        """Read a part of the node; where it is refused, those after it are read all the same."""
        try:
            yield
        except StopReadingError:
            self.has_refused = True
            self.values.refused.add(key)
            self.values.pop(key, None)

    def stop_if_refused(self) -> None:
        """Leave the item being read where a part of this node was refused."""
        if self.has_refused:
            raise StopReadingError

    def each(self, read: Callable[[Cursor], _Read], cursors: Iterable[Cursor]) -> tuple[_Read, ...]:
        """What is read at several cursors, without those that are refused."""
        values = []
        for cursor in cursors:
            with self.reading():
                values.append(read(cursor))
        return tuple(values)

    def inside(self, key: str, node: Node) -> Cursor:
        """The cursor of a field."""
        path = f"{self.path}.{key}" if self.path else key or "$"
        return self._below(path, key, node)

    def items(self) -> tuple[Cursor, ...]:
        """The cursors of a list."""
        if not isinstance(self.node, Items):
            self.refuse(Code.WRONG_TYPE, "A list is expected here.", "Write `- item`.")
        return tuple(
            self._below(f"{self.path}[{number}]", self.key, node)
            for number, node in enumerate(self.node.nodes)
        )

    def fields(self, remedy: str = "Write `key: value`.") -> dict[str, Node]:
        """The nodes of a mapping by key."""
        if not isinstance(self.node, Fields):
            self.refuse(Code.WRONG_TYPE, "A mapping is expected here.", remedy)
        return self.node.nodes

    def has(self, key: str) -> bool:
        """Whether this is a mapping that holds a key."""
        return isinstance(self.node, Fields) and key in self.node.nodes

    def field(self, key: str) -> Cursor:
        """The cursor of a field of this mapping, or of its absence: the mapping's line."""
        node = self.node.nodes.get(key) if isinstance(self.node, Fields) else None
        return self.inside(key, node if node is not None else Scalar("", self.line))

    def key_line(self, key: str) -> int:
        """The line of a key of this mapping."""
        return self.node.key_lines[key] if isinstance(self.node, Fields) else self.line

    def _below(self, path: str, key: str, node: Node) -> Cursor:
        return Cursor(node, self.report, self.scope, path, key, self, self.quantity)
