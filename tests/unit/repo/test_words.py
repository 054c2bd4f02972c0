"""Names say what a thing is: no retired word comes back, and one class name means one thing.

`RETIRED` holds for every package and for what tests share. `EXCEPTIONS` lists what a package may
say all the same, and `SHARED_NAMES` what may have one name twice, each with the reason. Nine empty
nouns have a ceiling per package that may only fall.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

PACKAGES = ("central", "edge_agent", "firmware_bridge")


@dataclass(frozen=True)
class Retired:
    """Words that names do without, and what is said instead.

    Args:
        words: Parts of any name: of `note_plate` and `PlateError` the part `plate`.
        classes: Whole class names; as variables they may be the right word.
        functions: Whole names of functions and methods, a leading underscore aside.
        modules: Whole names of modules.
    """

    words: dict[str, str]
    classes: dict[str, str]
    functions: dict[str, str]
    modules: dict[str, str]


RETIRED = Retired(
    words={
        "doorkeeper": "Authenticator",
        "seat": "browser session",
        "desk": "services, or the service's own name",
        "book": "customer_file, context",
        "books": "registry",
        "chore": "periodic task",
        "chores": "periodic tasks",
        "hush": "capture",
        "climb": "advance",
        "plate": "nameplate",
        "plates": "nameplates",
        "stage": "servers",
        "street": "virtual_meters",
        "theatre": "scenario",
        "crowd": "customers",
        "strongbox": "StorageEngine",
        "conductor": "SessionRunner",
        "witness": "EventDetector",
        "testimony": "Detection",
        "sighting": "Sample",
        "harvest": "Sample",
        "beat": "timer",
        "course": "rollout",
        "courses": "rollouts",
        "fleet": "meter_set",
        "station": "meter",
        "stations": "meters",
        "sparing": "throttle",
        "ear": "candidate",
        "heard": "traffic, or the noun of what came",
        "told": "the noun of what it holds; reported, on_failure",
        "ears": "candidates",
        "sight": "record_clock",
    },
    classes={
        "Gate": "AccessMiddleware, HealthGate",
        "Told": "CanonicalText",
        "Answer": "Sample, or the answer's own name",
        "Held": "QuarantinedBatch, WaitingReadings; held are bills",
        "Take": "Sample, or the noun of what is taken",
        "Act": "ProgressStep",
        "Clash": "ReadingConflict",
        "Life": "Epoch, Installation",
        "Contents": "Batch",
        "AskedDriver": "PolledDriver",
        "BareScanner": "HeaderlessScanner",
        "FramedScanner": "ReceiverScanner",
        "Place": "LineAddress",
        "Tell": "ReportProgress",
        "Nursery": "ForkedAgents",
        "Plant": "VirtualMeters",
        "Shop": "ArtefactServer",
    },
    functions={
        "tell": "report, notify",
        "say": "publish_status, print",
        "hear": "on_message",
        "look": "poll, check",
        "know": "has_batch, is_known",
        "knows": "has_batch, is_known",
        "adopt": "commit, replace",
        "touch": "queue_for_validation",
        "succeed": "record_successor",
        "clashes": "conflicts",
        "found": "require, create",
        "two_live": "two_live_epochs_finding",
        "told_members": "canonical_objects",
        "proof_is_right": "csrf_token_is_right",
        "spare_collections": "tune_gc",
    },
    modules={
        "operator": "services",
        "push": "pushed",
        "stage": "site",
        "framed": "recording",
        "nursery": "forked_agents",
        "plant": "virtual_meter",
        "shop": "artefact_server",
        "crowd": "bulk_customers",
    },
)

# What a package may say all the same, each with the reason.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "central": {},
    "edge_agent": {},
    "firmware_bridge": {},
    "tests/support": {
        "book": "the state of `MemoryBooks`",
        "books": "registry, bills and decisions in one memory, which no store of the product is",
        "found": "founds a certificate authority, or a utility with its first customers",
        "say": "what a process that is about to lose power says to its recorder",
    },
}

# Nouns that say nothing of what they name, and how often a package's names still are one. A number
# may only fall: give the thing its own name, and lower the number.
EMPTY_NOUNS = {"found", "kept", "known", "made", "one", "own", "part", "place", "said"}
CEILINGS = {"central": 655, "edge_agent": 74, "firmware_bridge": 246, "tests/support": 209}
SLACK = 30

# Every class of these has a name that no other class has, in any package.
ONE_NAME_ONE_THING = PACKAGES

_EVENT = "an event of both remote state machines"
SHARED_NAMES = {
    "BrokerSettings": "each side's settings of its own way to the broker",
    "Cycle": "what one poll cycle commits; a billing cycle: both are the field's word",
    "Failed": _EVENT,
    "Kind": "a node's kind in a tariff document; a reading's, in the wire format",
    "Meter": "a meter as the agent reads it; one as a rater counts it",
    "Passed": _EVENT,
    "Quantity": "what a tariff counts; an amount in the wire format",
    "Started": _EVENT,
    "Stopped": _EVENT,
}


@cache
def modules(folder: str) -> tuple[tuple[Path, ast.Module], ...]:
    return tuple(
        (file.relative_to(REPOSITORY), ast.parse(file.read_text()))
        for file in sorted((REPOSITORY / folder).rglob("*.py"))
    )


@pytest.fixture(scope="module", autouse=True)
def _modules_are_forgotten() -> Iterator[None]:
    """Parsing is dear, and so is keeping: the trees of all packages take 150 MB."""
    yield
    modules.cache_clear()


def names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that a module gives to something, and where."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno


@cache
def parts(name: str) -> frozenset[str]:
    """The words of a name: `_note_plate`, `PlateError` and `PLATES` alike."""
    return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name))


def retired_names(tree: ast.Module, module: str = "") -> Iterator[tuple[str, str]]:
    """Each retired word that a module uses, and where with what to say instead.

    Args:
        tree: The module.
        module: Its own name.
    """
    for name, line in names(tree):
        for word in sorted(parts(name) & RETIRED.words.keys()):
            yield word, f"{line}: {name}: {RETIRED.words[word]}"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in RETIRED.classes:
            yield node.name, f"{node.lineno}: class {node.name}: {RETIRED.classes[node.name]}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name.lstrip("_")
            if name in RETIRED.functions:
                yield name, f"{node.lineno}: def {node.name}: {RETIRED.functions[name]}"
    if module in RETIRED.modules:
        yield module, f"1: module {module}: {RETIRED.modules[module]}"


@pytest.mark.parametrize("package", EXCEPTIONS)
def test_no_retired_word_comes_back(package: str) -> None:
    uses = [
        (word, f"{file}:{use}")
        for file, tree in modules(package)
        for word, use in retired_names(tree, file.stem)
    ]
    assert [use for word, use in uses if word not in EXCEPTIONS[package]] == []
    assert EXCEPTIONS[package].keys() <= {word for word, _ in uses}


@pytest.mark.parametrize("package", CEILINGS)
def test_empty_nouns_only_become_fewer(package: str) -> None:
    count = sum(
        name.strip("_") in EMPTY_NOUNS for _, tree in modules(package) for name, _ in names(tree)
    )
    assert count <= CEILINGS[package], "name what the thing is"
    assert count > CEILINGS[package] - SLACK, f"lower the ceiling to {count}"


@pytest.mark.parametrize(
    "source",
    [
        "def _tell(): ...",
        "class Held: ...",
        "class PlateError(Exception): ...",
        "def read(fleet): ...",
        "STATIONS = 1",
        "for beat in (): ...",
        "self.courses = {}",
        "with open('a') as desk: ...",
    ],
)
def test_a_retired_word_is_found_wherever_a_name_is_given(source: str) -> None:
    assert list(retired_names(ast.parse(source))) != []


@pytest.mark.parametrize(
    "source", ["nameplate = 1", "file.tell()", "answer = 1", "import plates", "found = 1"]
)
def test_other_words_are_left_alone(source: str) -> None:
    assert list(retired_names(ast.parse(source))) == []


def namesakes() -> dict[str, list[str]]:
    """Modules by the name of a class that they define, where it is not the only one of its name.

    `NamePlate` beside `Nameplate` is one name to whoever says it.
    """
    spelled: dict[str, str] = {}
    where: dict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for file, tree in modules(package):
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    name = spelled.setdefault(node.name.lower(), node.name)
                    where[name].append(str(file))
    return {name: files for name, files in where.items() if len(files) > 1}


def test_one_class_name_means_one_thing() -> None:
    found = {
        name: files
        for name, files in namesakes().items()
        if name not in SHARED_NAMES and any(file.startswith(ONE_NAME_ONE_THING) for file in files)
    }
    assert found == {}


def test_no_reason_is_given_for_a_name_that_is_not_shared() -> None:
    assert SHARED_NAMES.keys() <= namesakes().keys()
