"""Read the file of an allocation: YAML or JSON, whose scalars stay text."""

from __future__ import annotations

from central.domain.metering.allocation_document import (
    AllocationDocument,
    AllocationRefusedError,
    allocation_of,
)
from central.domain.tariff.grammar.node import Fields, Items, Node, Scalar
from central.domain.tariff.load.yaml_source import parse
from central.domain.tariff.refusal import TariffRefusedError


def read_allocation(text: str, file: str) -> AllocationDocument:
    """Read an allocation.

    Args:
        text: Its file's.
        file: Its name, for what is refused.

    Raises:
        AllocationRefusedError: It says no allocation, or a name twice.
    """
    try:
        node = parse(text, file)
    except TariffRefusedError as error:
        finding = error.findings[0]
        message = f"{file}, line {finding.line}: {finding.message}"
        raise AllocationRefusedError(message, value=file, remedy=finding.remedy) from None
    return allocation_of(_plain(node))


def _plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.text
        case Items():
            return [_plain(item) for item in node]
        case Fields():
            return {name: _plain(item) for name, item in node.nodes.items()}
