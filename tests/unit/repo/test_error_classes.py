"""Every error says what to do, and has a code of its own."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator

import central
import edge_agent
import firmware_bridge
from firmware_bridge.contract.errors import ConfigurationError, MeterlineError, OperatorError

# Found before the bill is locked, and again under its lock.
_SAID_TWICE = {"BILL_STALE"}


def classes(root: type[MeterlineError]) -> Iterator[type[MeterlineError]]:
    """Every error below one."""
    for package in (central, edge_agent, firmware_bridge):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    waiting = [root]
    while waiting:
        found = [one for one in waiting.pop().__subclasses__() if not _is_of_tests(one)]
        yield from found
        waiting += found


def _is_of_tests(error: type[MeterlineError]) -> bool:
    return not error.__module__.startswith(("central", "edge_agent", "firmware_bridge"))


def test_every_refusal_of_an_operator_has_a_code_and_a_remedy_of_its_own() -> None:
    silent = [
        one.__name__
        for one in set(classes(OperatorError))
        if one.default_remedy in {None, OperatorError.default_remedy} or "code" not in vars(one)
    ]
    assert silent == []


def test_a_remedy_is_a_sentence() -> None:
    for one in {*classes(OperatorError), *classes(ConfigurationError)}:
        if one.default_remedy is not None:
            assert one.default_remedy.endswith("."), one.__name__
            assert one.default_remedy[0].isupper() or one.default_remedy[0] == "`", one.__name__


def test_a_code_means_one_thing() -> None:
    by_code: dict[str, set[type[MeterlineError]]] = defaultdict(set)
    for one in set(classes(OperatorError)):
        by_code[one.code].add(one)
    several = {code: names for code, names in by_code.items() if len(names) > 1}
    assert set(several) <= _SAID_TWICE
    for names in several.values():
        assert len({one.default_remedy for one in names}) == 1


def test_an_error_says_the_same_in_words_and_as_json() -> None:
    error = OperatorError("It is not there.", value="A-1")
    assert error.as_text() == f"OPERATOR: It is not there. {OperatorError.default_remedy}"
    assert error.as_object() == {
        "code": "OPERATOR",
        "message": "It is not there.",
        "remedy": OperatorError.default_remedy,
        "value": "A-1",
    }
    assert "value" not in OperatorError("Many.", value=object()).as_object()
