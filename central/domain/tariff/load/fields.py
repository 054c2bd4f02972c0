"""Reading named fields of a node, and collecting what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import NoReturn

from central.domain.tariff.load.yaml_source import Fields, Items, Node, Scalar
from central.domain.tariff.refusal import Code, TariffFinding, TariffRefusedError

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,24})?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,126}")


class _StopError(Exception):
    """What is read at this place cannot be read further; the finding is in the report."""


class Report:
    """Collects findings, so that one pass over a document names them all.

    Args:
        file: Name of the document.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[TariffFinding] = []

    def note(self, code: Code, line: int, path: str, message: str, remedy: str) -> None:
        """Add a finding and go on."""
        self.findings.append(TariffFinding(code, self.file, line, path, message, remedy))

    def refuse(self, code: Code, line: int, path: str, message: str, remedy: str) -> NoReturn:
        """Add a finding and leave the item being read."""
        self.note(code, line, path, message, remedy)
        raise _StopError

    @contextmanager
    def item(self) -> Iterator[None]:
        """What stops inside does not keep the items after it from being read."""
        try:
            yield
        except _StopError:
            return

    def raise_if_any(self) -> None:
        """Refuse the document where something was found.

        Raises:
            TariffRefusedError: There are findings.
        """
        if self.findings:
            ordered = sorted(self.findings, key=lambda finding: (finding.line, finding.path))
            raise TariffRefusedError(ordered)


class FieldReader:
    """Takes the fields of one mapping; those never asked for are refused by `done`.

    Args:
        node: Must be a mapping.
        path: Where it stands.
        report: Where findings go.
    """

    def __init__(self, node: Node, path: str, report: Report) -> None:
        self.path = path
        self.report = report
        if not isinstance(node, Fields):
            report.refuse(
                Code.WRONG_TYPE,
                node.line,
                path or "$",
                "A mapping belongs here.",
                "Write `key: value`.",
            )
        self.node = node
        self.line = node.line
        self.taken: set[str] = set()

    def where(self, key: str) -> str:
        """The path of a field."""
        return f"{self.path}.{key}" if self.path else key or "$"

    def take(self, key: str) -> Node | None:
        """The node of a field, None where it is absent."""
        self.taken.add(key)
        return self.node.nodes.get(key)

    def need(self, key: str) -> Node:
        """The node of a field that must be there."""
        node = self.take(key)
        if node is None:
            message = f"{key!r} is missing."
            self.report.refuse(Code.MISSING_KEY, self.line, self.path or "$", message, "Add it.")
        return node

    def done(self) -> None:
        """Report the fields that nobody asked for."""
        for key in self.node.nodes:
            if key in self.taken:
                continue
            known = ", ".join(sorted(self.taken))
            self.report.note(
                Code.UNKNOWN_KEY,
                self.node.key_lines[key],
                self.where(key),
                f"{key!r} is no key here.",
                f"Use one of {known}.",
            )

    def text(self, key: str, default: str | None = None) -> str | None:
        """A string, or the default."""
        node = self.take(key)
        return default if node is None else text_of(node, self.where(key), self.report)

    def name(self, key: str) -> str:
        """A required word that others refer to."""
        node = self.need(key)
        return name_of(node, self.where(key), self.report)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of several words, or the default."""
        node = self.take(key)
        if node is None:
            return default
        return choice_of(node, self.where(key), self.report, choices)

    def flag(self, key: str, *, default: bool) -> bool:
        """`true` or `false`."""
        return self.choice(key, ("true", "false"), "true" if default else "false") == "true"

    def number(self, key: str) -> Decimal:
        """A required exact number."""
        return number_of(self.need(key), self.where(key), self.report)

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number within bounds, or the default."""
        node = self.take(key)
        if node is None:
            if default is None:
                self.need(key)
                raise AssertionError
            return default
        return whole_of(node, self.where(key), self.report, low, high)


def text_of(node: Node, path: str, report: Report) -> str:
    """The text of a scalar that is not null."""
    if not isinstance(node, Scalar) or node.is_null:
        report.refuse(Code.WRONG_TYPE, node.line, path, "A text belongs here.", "Write a word.")
    return node.text


def name_of(node: Node, path: str, report: Report) -> str:
    """A word of letters, digits and underscores."""
    text = text_of(node, path, report)
    if not _NAME.fullmatch(text):
        message = f"{text!r} is no name."
        remedy = "Use letters, digits and underscores, beginning with a letter."
        report.refuse(Code.BAD_NAME, node.line, path, message, remedy)
    return text


def id_of(node: Node, path: str, report: Report) -> str:
    """An identifier of a tariff: a name that may hold dots, colons, slashes and hyphens."""
    text = text_of(node, path, report)
    if not _ID.fullmatch(text):
        message = f"{text!r} is no identifier."
        remedy = "Use letters, digits, dots, colons, slashes, hyphens and underscores."
        report.refuse(Code.BAD_NAME, node.line, path, message, remedy)
    return text


def choice_of(node: Node, path: str, report: Report, choices: tuple[str, ...]) -> str:
    """One of several words."""
    text = text_of(node, path, report)
    if text not in choices:
        message = f"{text!r} is no choice here."
        report.refuse(Code.NOT_A_CHOICE, node.line, path, message, f"Use {' or '.join(choices)}.")
    return text


def number_of(node: Node, path: str, report: Report) -> Decimal:
    """An exact decimal number: digits, an optional sign and point; no exponent, no separators."""
    text = text_of(node, path, report)
    if not _NUMBER.fullmatch(text):
        message = f"{text!r} is no plain decimal number."
        remedy = "Write digits with a point, as 0.1234."
        report.refuse(Code.NOT_A_NUMBER, node.line, path, message, remedy)
    return Decimal(text)


def whole_of(node: Node, path: str, report: Report, low: int, high: int) -> int:
    """A whole number within bounds."""
    value = number_of(node, path, report)
    if value != int(value) or not low <= value <= high:
        message = f"{value} is no whole number from {low} to {high}."
        report.refuse(Code.OUT_OF_RANGE, node.line, path, message, "Write one that is.")
    return int(value)


def date_of(node: Node, path: str, report: Report) -> date:
    """A date written as 2026-07-01."""
    text = text_of(node, path, report)
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        message = f"{text!r} is no date."
        report.refuse(Code.NOT_A_DATE, node.line, path, message, "Write it as 2026-07-01.")
    return found


def items_of(node: Node, path: str, report: Report) -> tuple[Node, ...]:
    """The nodes of a list."""
    if not isinstance(node, Items):
        report.refuse(Code.WRONG_TYPE, node.line, path, "A list belongs here.", "Write `- item`.")
    return node.nodes


def fields_of(node: Node, path: str, report: Report) -> list[tuple[str, Node]]:
    """The entries of a mapping of names."""
    if not isinstance(node, Fields):
        report.refuse(
            Code.WRONG_TYPE, node.line, path, "A mapping belongs here.", "Write `name: value`."
        )
    for key in node.nodes:
        name_of(Scalar(key, node.key_lines[key]), f"{path}.{key}", report)
    return list(node.nodes.items())


def texts_of(node: Node, path: str, report: Report) -> tuple[str, ...]:
    """One text, or a list of them."""
    if isinstance(node, Items):
        return tuple(
            text_of(child, f"{path}[{number}]", report) for number, child in enumerate(node.nodes)
        )
    return (text_of(node, path, report),)
