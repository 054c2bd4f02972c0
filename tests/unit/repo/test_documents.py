"""Pages lead somewhere and are led to."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from tests.support.data import REPOSITORY

DOCS = REPOSITORY / "docs"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    return [*sorted(REPOSITORY.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def links(page: Path) -> list[str]:
    """Targets inside the repository."""
    text = FENCE.sub("", page.read_text())
    return [target for target in LINK.findall(text) if not re.match(r"[a-z]+:", target)]


@cache
def anchors(page: Path) -> set[str]:
    """What headings are called in an address: lower case, hyphens for blanks, no punctuation."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[plain] = found.get(plain, -1) + 1
    return {
        name if not n else f"{name}-{n}" for name, last in found.items() for n in range(last + 1)
    }


def arrival(page: Path, target: str) -> tuple[Path, str]:
    path, _, fragment = unquote(target).partition("#")
    return ((page.parent / path).resolve() if path else page, fragment)


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in pages():
        for target in links(page):
            file, fragment = arrival(page, target)
            if not file.exists() or (fragment and fragment not in anchors(file)):
                broken.append(f"{page.relative_to(REPOSITORY)}: {target}")
    assert not broken


def test_links_stay_in_the_repository() -> None:
    away = [
        f"{page.relative_to(REPOSITORY)}: {target}"
        for page in pages()
        for target in links(page)
        if not arrival(page, target)[0].is_relative_to(REPOSITORY)
    ]
    assert not away


def test_every_page_is_reached_from_the_index() -> None:
    waiting, reached = [DOCS / "README.md"], set[Path]()
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in links(page):
            file, _ = arrival(page, target)
            file = file / "README.md" if file.is_dir() else file
            # An index of the docs leads into the docs; the way out and back would prove nothing.
            if file.suffix == ".md" and file.is_relative_to(DOCS) and file.is_file():
                waiting.append(file)
    assert not sorted(str(page.relative_to(DOCS)) for page in {*DOCS.rglob("*.md")} - reached)


def test_every_index_lists_the_pages_of_its_folder() -> None:
    unlisted = [
        str(page.relative_to(DOCS))
        for index in DOCS.rglob("README.md")
        for page in index.parent.glob("*.md")
        if page != index and page not in {arrival(index, target)[0] for target in links(index)}
    ]
    assert not unlisted


def test_every_page_has_one_title() -> None:
    untitled = [
        str(page.relative_to(REPOSITORY))
        for page in pages()
        if len(re.findall(r"^# ", FENCE.sub("", page.read_text()), re.MULTILINE)) != 1
        and page.parent != DOCS / "reference"  # one page may describe several commands
    ]
    assert not untitled


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [file.name[:4] for file in (DOCS / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


def test_every_room_that_the_architecture_names_is_there() -> None:
    text = (DOCS / "explanation" / "architecture.md").read_text()
    named = re.findall(r"`((?:firmware_bridge|edge_agent|central)/[\w/.*]+)`", text)
    assert len(named) > 20
    assert not [name for name in named if not list(REPOSITORY.glob(name.rstrip("/")))]


def test_the_architecture_names_every_room() -> None:
    text = (DOCS / "explanation" / "architecture.md").read_text()
    rooms = [
        f"{package}/{folder.name}"
        for package in ("edge_agent", "central")
        for folder in sorted((REPOSITORY / package).iterdir())
        if (folder / "__init__.py").exists()
    ]
    assert not [room for room in rooms if f"`{room}`" not in text]


def test_the_architecture_names_the_modules_beside_the_rooms_of_the_gateway() -> None:
    page = (DOCS / "explanation" / "architecture.md").read_text()
    named = set(re.findall(r"^\| `(\w+\.py)` \|", page, re.MULTILINE))
    there = {file.name for file in (REPOSITORY / "edge_agent").glob("*.py")}
    assert named == there - {"__init__.py"}


def test_every_file_that_the_pages_for_contributors_name_is_there() -> None:
    folders = "firmware_bridge|edge_agent|central|tests|tools|docs|requirements"
    absent = []
    for page in [REPOSITORY / "CONTRIBUTING.md", *(DOCS / "how-to").glob("add-*.md")]:
        named = re.findall(rf"(?<![\w/.])(?:{folders})/[\w./*<>-]+", page.read_text())
        assert named
        absent += [
            f"{page.name}: {name}"
            for name in named
            if not list(REPOSITORY.glob(re.sub(r"<[^>]+>", "*", name).rstrip("./")))
        ]
    assert not absent


def test_contributing_leads_to_a_page_for_each_thing_to_add() -> None:
    pages = {
        arrival(REPOSITORY / "CONTRIBUTING.md", target)[0]
        for target in links(REPOSITORY / "CONTRIBUTING.md")
    }
    assert {*(DOCS / "how-to").glob("add-*.md")} <= pages


def test_every_name_of_code_that_the_pages_for_contributors_use_is_there() -> None:
    text = "\n".join(
        file.read_text()
        for folder in ("central", "firmware_bridge", "edge_agent", "tests", "tools")
        for file in (REPOSITORY / folder).rglob("*.py")
    )
    words = set(re.findall(r"\w+", text))
    absent = []
    for page in [REPOSITORY / "CONTRIBUTING.md", *(DOCS / "how-to").glob("add-*.md")]:
        spans = re.findall(r"`([A-Za-z_][\w.]*)(?:\([^`]*\))?`", page.read_text())
        # Names of classes and functions; a word in lower case may be a key or a command.
        names = {
            part
            for span in spans
            if not re.search(r"\.(?:py|md|sql|json|yaml|toml|html)$", span)
            for part in span.split(".")
            if "_" in part or part[:1].isupper()
        }
        assert names or page.name == "CONTRIBUTING.md"
        absent += [f"{page.name}: {name}" for name in sorted(names - words)]
    assert not absent
