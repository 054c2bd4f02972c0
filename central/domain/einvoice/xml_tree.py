"""XML as a tree of values, and its text: the same tree gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from central.domain.einvoice.document import NotStructuredError

_NO_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Element(NamedTuple):
    """An element.

    Args:
        name: With its prefix.
        attributes: In their order.
        content: Its text, or what is in it.
    """

    name: str
    attributes: tuple[tuple[str, str], ...]
    content: str | tuple[Element, ...]


def element(
    name: str, content: str | Iterable[Element | None] = (), **attributes: str | None
) -> Element:
    """An element; children and attributes that are None are left out.

    Args:
        name: With its prefix.
        content: Its text, or what is in it.
        attributes: By name.
    """
    inner = content if isinstance(content, str) else tuple(each for each in content if each)
    present = tuple((key, value) for key, value in attributes.items() if value is not None)
    return Element(name, present, inner)


def text_element(name: str, text: str, **attributes: str | None) -> Element | None:
    """An element of a text; None where there is no text."""
    return element(name, text, **attributes) if text else None


def group(name: str, *children: Element | None) -> Element | None:
    """An element of those children that there are; None where there is none."""
    return element(name, children) if any(children) else None


def document(root: Element, namespaces: Mapping[str, str]) -> bytes:
    """The bytes of a document, UTF-8.

    Args:
        root: Its root.
        namespaces: By prefix, "" for that of names without one.

    Raises:
        NotStructuredError: A text has a character that no XML can have.
    """
    declared = tuple(
        (f"xmlns:{prefix}" if prefix else "xmlns", uri) for prefix, uri in namespaces.items()
    )
    whole = root._replace(attributes=(*declared, *root.attributes))
    text = "".join((_HEAD, *_written(whole, 0)))
    match = _NO_XML.search(text)
    if match is not None:
        message = f"The character U+{ord(match[0]):04X} cannot be in XML."
        raise NotStructuredError(message, value=match[0], remedy="Correct the text that has it.")
    return text.encode()


def _written(node: Element, depth: int) -> Iterator[str]:
    indent = "  " * depth
    written = "".join(f" {name}={quoteattr(value)}" for name, value in node.attributes)
    if isinstance(node.content, str):
        yield f"{indent}<{node.name}{written}>{escape(node.content)}</{node.name}>\n"
    elif node.content:
        yield f"{indent}<{node.name}{written}>\n"
        for child in node.content:
            yield from _written(child, depth + 1)
        yield f"{indent}</{node.name}>\n"
    else:
        yield f"{indent}<{node.name}{written}/>\n"
