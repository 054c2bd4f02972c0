"""From YAML or JSON text to nodes that know their line."""

from __future__ import annotations

import re

import yaml

from central.domain.tariff.grammar.node import Fields, Items, Node, Scalar
from central.domain.tariff.refusal import Code, TariffFinding, TariffRefusedError

MAX_CHARACTERS = 2_000_000
MAX_DEPTH = 40
_QUOTES = frozenset({"'", '"', "|", ">"})
# libyaml where the wheel has it: the same nodes, ten times as fast.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_PLAIN_TAGS = frozenset(
    {
        "tag:yaml.org,2002:str",
        "tag:yaml.org,2002:seq",
        "tag:yaml.org,2002:map",
    }
)


def parse(text: str, file: str) -> Node:
    """Parse YAML or JSON into nodes; scalars load as strings.

    No float, date, boolean or sexagesimal number is ever made, so that `22:00`, `no` and `1e3`
    mean what they show. Aliases, tags and duplicate keys are refused.

    Args:
        text: The document.
        file: Its name, for findings.

    Raises:
        TariffRefusedError: The text is not one plain document.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refused(Code.OVERSIZE, file, 1, "The document is too large.", "Split the tariff.")
    if text.lstrip()[:1] in {"{", "["}:
        text = _PAIR.sub(_joined, text)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            _check_event(event, file)
            # What is nested too deeply would exhaust the stack of libyaml when it is composed.
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH + 1:
                raise _too_deep(file, _line_of(event), "$")
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.count("\n")) + 1 if mark else 1
        message = f"The text is not valid YAML: {error.problem or error}."
        raise _refused(Code.SYNTAX, file, line, message, "Correct the syntax.") from None
    except (yaml.YAMLError, RecursionError) as error:
        message = f"The text is not valid YAML: {' '.join(str(error).split())}."
        raise _refused(Code.SYNTAX, file, 1, message, "Correct the syntax.") from None
    if node is None:
        raise _refused(Code.EMPTY, file, 1, "The document is empty.", "Write a tariff.")
    return _convert(node, file, "$", 0)


def _joined(pair: re.Match[str]) -> str:
    """The character that JSON escapes as two, which YAML does not know."""
    before, high, low = pair.groups()
    units = bytes.fromhex(high + low)
    return before + units.decode("utf-16-be")


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _check_event(event: yaml.Event, file: str) -> None:
    line = _line_of(event)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        message = "Anchors and aliases are not allowed."
        raise _refused(Code.ALIAS, file, line, message, "Write the value out.")
    tag = getattr(event, "tag", None)
    if tag is not None and tag not in _PLAIN_TAGS:
        message = f"The tag {tag} is not allowed."
        raise _refused(Code.TAG, file, line, message, "Remove the tag.")


def _convert(node: yaml.Node, file: str, path: str, depth: int) -> Node:
    line = node.start_mark.line + 1
    if depth > MAX_DEPTH:
        raise _too_deep(file, line, path)
    if isinstance(node, yaml.ScalarNode):
        return Scalar(node.value, line, quoted=node.style in _QUOTES)
    if isinstance(node, yaml.SequenceNode):
        items = (
            _convert(child, file, f"{path}[{number}]", depth + 1)
            for number, child in enumerate(node.value)
        )
        return Items(tuple(items), line)
    fields: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key, child in node.value:
        key_line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            message = "A key must be a plain word."
            raise _refused(Code.WRONG_TYPE, file, key_line, message, "Use a word.", path)
        if key.value in fields:
            message = f"The key {key.value!r} is listed twice."
            raise _refused(Code.DUPLICATE_KEY, file, key_line, message, "Keep one of them.", path)
        fields[key.value] = _convert(child, file, f"{path}.{key.value}", depth + 1)
        lines[key.value] = key_line
    return Fields(fields, line, lines)


def _too_deep(file: str, line: int, path: str) -> TariffRefusedError:
    message = f"The document is nested deeper than {MAX_DEPTH} levels."
    return _refused(Code.OVERSIZE, file, line, message, "Flatten it.", path)


def _refused(  # noqa: PLR0913, PLR0917 - a finding has six parts
    code: Code, file: str, line: int, message: str, remedy: str, path: str = "$"
) -> TariffRefusedError:
    return TariffRefusedError([TariffFinding(code, file, line, path, message, remedy)])
