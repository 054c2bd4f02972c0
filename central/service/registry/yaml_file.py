"""Read a YAML file into a model: scalars stay text, and a text that cannot be kept is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.plain_text import flaw

_Model = TypeVar("_Model", bound=BaseModel)
_NOWHERE = re.compile(r"(?!)")


class _TextLoader(yaml.SafeLoader):
    """Scalars stay text: no float, date or sexagesimal surprise."""


_TextLoader.yaml_implicit_resolvers = {}


def read_yaml_file(
    path: Path,
    model: type[_Model],
    refused: type[MeterlineError],
    *,
    lined: re.Pattern[str] = _NOWHERE,
) -> _Model:
    """Read a file.

    Args:
        path: The YAML file.
        model: What it should be.
        refused: The error of a file that is not.
        lined: Places where a text may have several lines.

    Raises:
        MeterlineError: The file is not such a file: as `refused`, with every fault of the model.
        OSError: It cannot be read.
    """
    try:
        return model.model_validate(_content(path, refused, lined))
    except UnicodeDecodeError as error:
        message = f"{path.name} is not UTF-8: byte {error.start} cannot be read."
        raise refused(message, value=path.name) from error
    except yaml.YAMLError as error:
        message = f"{path.name} is not valid YAML: {' '.join(str(error).split())}."
        raise refused(message, value=path.name) from error
    except ValidationError as error:
        faults = [
            (".".join(map(str, fault["loc"])) or "the file", fault["msg"])
            for fault in error.errors()
        ]
        reasons = "; ".join(f"{where}: {message}" for where, message in faults)
        raise refused(f"{path.name}: {reasons}.", value=faults[0][0]) from error


def _content(path: Path, refused: type[MeterlineError], lined: re.Pattern[str]) -> object:
    """What a file says, once all its texts can be kept."""
    loader = _TextLoader(path.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        for node, where in _texts(root):
            fault = flaw(node.value, lines=lined.fullmatch(where) is not None)
            if fault is not None:
                line = node.start_mark.line + 1
                message = f"{path.name}, line {line}: {where or 'the file'} contains {fault}."
                raise refused(message, value=where)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _texts(root: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, str]]:
    """All texts of a document with their places, in order; a key is of the mapping's place."""
    waiting, met = [(root, "")], set[int]()
    while waiting:
        node, where = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield node, where
            continue
        if id(node) in met:  # an alias, maybe of what it stands in
            continue
        met.add(id(node))
        parts: list[tuple[yaml.Node, str]] = []
        if isinstance(node, yaml.SequenceNode):
            parts += [(item, f"{where}.{at}") for at, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                parts += [(key, where), (value, f"{where}.{getattr(key, 'value', '')}")]
        waiting += [(child, name.lstrip(".")) for child, name in reversed(parts)]
