"""What a text is made of: nodes that know their line. Every scalar stays a string."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, whatever it looks like.

    Args:
        text: The characters.
        line: Line it starts on, from 1.
        quoted: Whether it was quoted, so that `null` and "null" can be told apart.
    """

    text: str
    line: int
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        """Whether this is YAML's or JSON's plain null."""
        return not self.quoted and self.text in {"", "~", "null"}


@dataclass(frozen=True, slots=True)
class Items:
    """A list of nodes."""

    nodes: tuple[Node, ...]
    line: int

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


@dataclass(frozen=True, slots=True)
class Fields:
    """Named nodes, in the order of the file."""

    nodes: dict[str, Node]
    line: int
    key_lines: dict[str, int] = field(default_factory=dict)


Node = Scalar | Items | Fields
