"""Names say what a thing is: no retired word comes back, and one class name means one thing.

A package joins by an entry in `RETIRED`, and in `ONE_NAME_ONE_THING` once its class names are its
own. `SHARED_NAMES` lists what may have one name twice, each with the reason.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

PACKAGES = ("central", "edge_agent", "firmware_bridge")


@dataclass(frozen=True)
class Retired:
    """Words that a package's names do without, and what is said instead.

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


SPOKEN = {
    "tell": "report, notify",
    "say": "publish_status, print",
    "hear": "on_message",
    "look": "poll, check",
    "know": "has_batch, is_known",
    "knows": "has_batch, is_known",
    "adopt": "commit, replace",
    "touch": "queue_for_validation",
    "succeed": "record_successor",
}

RETIRED = {
    "central": Retired(
        words={
            "doorkeeper": "Authenticator",
            "seat": "browser session",
            "desk": "services",
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
        },
        classes={
            "Gate": "AccessMiddleware",
            "Told": "CanonicalText",
            "Answer": "the answer's own name",
            "Held": "QuarantinedBatch; held are bills",
            "Take": "the noun of what is taken",
            "Act": "ProgressStep",
            "Clash": "ReadingConflict",
        },
        functions=SPOKEN
        | {
            "clashes": "conflicts",
            "found": "require",
            "two_live": "two_live_epochs_finding",
            "told": "canonical_text",
            "told_members": "canonical_objects",
            "proof_is_right": "csrf_token_is_right",
            "spare_collections": "tune_gc",
        },
        modules={"operator": "services"},
    ),
    "edge_agent": Retired(
        words={
            "strongbox": "StorageEngine",
            "conductor": "SessionRunner",
            "witness": "EventDetector",
            "testimony": "Detection",
            "sighting": "Sample",
            "harvest": "Sample",
            "plate": "nameplate",
            "plates": "nameplates",
            "beat": "timer",
            "course": "rollout",
            "courses": "rollouts",
            "desk": "the service's own name",
            "fleet": "meter_set",
            "station": "meter",
            "stations": "meters",
            "sparing": "throttle",
        },
        classes={
            "Take": "Sample",
            "Answer": "Sample",
            "Gate": "HealthGate",
            "Life": "Epoch",
            "Contents": "Batch",
            "Held": "WaitingReadings",
        },
        functions=SPOKEN,
        modules={},
    ),
    "firmware_bridge": Retired(
        words={
            "ear": "candidate",
            "heard": "traffic",
            "told": "the noun of what it holds",
            "ears": "candidates",
            "sight": "record_clock",
        },
        classes={
            "AskedDriver": "PolledDriver",
            "BareScanner": "HeaderlessScanner",
            "FramedScanner": "ReceiverScanner",
            "Life": "Installation",
            "Place": "LineAddress",
            "Tell": "ReportProgress",
        },
        functions=SPOKEN,
        modules={"push": "pushed", "stage": "site", "framed": "recording"},
    ),
    "tests/support": Retired(
        words={},
        classes={"Nursery": "ForkedAgents", "Plant": "VirtualMeters", "Shop": "ArtefactServer"},
        functions={},
        modules={
            "nursery": "forked_agents",
            "plant": "virtual_meter",
            "shop": "artefact_server",
            "crowd": "bulk_customers",
        },
    ),
}

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


def modules(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted((REPOSITORY / folder).rglob("*.py")):
        yield file.relative_to(REPOSITORY), ast.parse(file.read_text())


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


def parts(name: str) -> set[str]:
    """The words of a name: `_note_plate`, `PlateError` and `PLATES` alike."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def faults(retired: Retired, tree: ast.Module) -> list[str]:
    found = [
        f"{line}: {name}: {retired.words[word]}"
        for name, line in names(tree)
        for word in sorted(parts(name) & retired.words.keys())
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in retired.classes:
            found.append(f"{node.lineno}: class {node.name}: {retired.classes[node.name]}")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            use = retired.functions.get(node.name.lstrip("_"))
            found += [] if use is None else [f"{node.lineno}: def {node.name}: {use}"]
    return found


@pytest.mark.parametrize("package", RETIRED)
def test_no_retired_word_comes_back(package: str) -> None:
    retired = RETIRED[package]
    found = []
    for file, tree in modules(package):
        found += [f"{file}:{fault}" for fault in faults(retired, tree)]
        found += [f"{file}: {use}" for name, use in retired.modules.items() if name == file.stem]
    assert found == []


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
    assert faults(RETIRED["edge_agent"], ast.parse(source)) != []


@pytest.mark.parametrize("source", ["nameplate = 1", "file.tell()", "answer = 1", "import plates"])
def test_other_words_are_left_alone(source: str) -> None:
    assert faults(RETIRED["edge_agent"], ast.parse(source)) == []


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
