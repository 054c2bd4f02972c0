"""Whoever follows a `Source:` arrives: at a page of the repository, or at a published standard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

FOLDERS = ("firmware_bridge", "edge_agent", "central", "tests", "tools")
SOURCE = re.compile(r"(?<![\w.])Source: (.+)")
PAGE = re.compile(r"[\w./-]*\w\.(?:md|json|yaml|toml|sql)\b")
CITED = re.compile(rf'({PAGE.pattern})((?:(?:,| and) "[^"]+")*)')
# What others published and anybody can look up under that name.
PUBLISHED = re.compile(
    r"""\b(?:
        (?:EN|IEC|ISO|ISO/IEC)\ \d+ | RFC\ \d{3,} | IEEE\ \d+ | NIST\ SP\ \d+ | BSI\ TR-\d+
        | OMS(?:\ Specification)?\ Volume\ \d | DLMS\ UA | Green\ Book\ \d | SML\ \d | DSMR\ P1
        | FNN\ EDL | Modbus\ Application\ Protocol | UCUM | OpenEI | URDB | SSC | NAESB\ WEQ-\d+
        | PostgreSQL\ manual | Linux\ Documentation/ | \w+\(\d\) | https://
    )""",
    re.VERBOSE,
)


def sources(text: str) -> Iterator[str]:
    """What follows each `Source:`, to the end of its paragraph."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if (found := SOURCE.search(line)) is None:
            continue
        said = [found[1]]
        is_comment = line.lstrip().startswith("#")
        for after in lines[number + 1 :]:
            is_next = after.lstrip().startswith("#")
            if '"""' in said[-1] or not after.strip(" \t#") or is_next != is_comment:
                break
            said.append(after.strip(" \t#"))
        yield " ".join(said).partition('"""')[0].strip()


def headings(page: Path) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE))


def faults(source: str) -> list[str]:
    """What a reader of the source would not find."""
    cited = CITED.findall(source)
    if not cited:
        return [] if PUBLISHED.search(source) else [f"names nothing: {source}"]
    found = []
    for name, quoted in cited:
        page = REPOSITORY / name
        if not page.is_file():
            found.append(f"no such file: {name}")
            continue
        found += [
            f"no such heading: {name}, {heading}"
            for heading in re.findall(r'"([^"]+)"', quoted)
            if heading not in headings(page)
        ]
    return found


def files() -> list[Path]:
    own = Path(__file__)
    return [
        file
        for folder in FOLDERS
        for pattern in ("*.py", "*.sql")
        for file in sorted((REPOSITORY / folder).rglob(pattern))
        if file != own
    ]


@pytest.mark.parametrize(
    "source",
    [
        "rating.md, section 3, fixed",
        "docs/reference/nowhere.md",
        'docs/reference/vee.md, "Nowhere"',
        'docs/reference/vee.md, "Boundaries" and "Nowhere"',
        "architecture, section 2",
        "the design",
    ],
)
def test_a_source_that_leads_nowhere_is_found(source: str) -> None:
    assert faults(source)


@pytest.mark.parametrize(
    "source",
    [
        'docs/reference/vee.md, "Boundaries"',
        'docs/reference/vee.md, "Boundaries" and "Estimation"; RFC 9562, 5.7',
        "EN 13757-3:2018, clause 6",
        "adjtimex(2)",
    ],
)
def test_a_source_that_leads_somewhere_is_good(source: str) -> None:
    assert not faults(source)


def test_a_source_goes_on_to_the_end_of_its_paragraph() -> None:
    text = '"""What.\n\n    Source: first,\n    second part.\n\n    Third.\n    """\n'
    text += "# Source: fourth,\n# fifth\nX = 1\n"
    assert list(sources(text)) == ["first, second part.", "fourth, fifth"]


def test_every_source_leads_somewhere() -> None:
    found = {
        str(file.relative_to(REPOSITORY)): wrong
        for file in files()
        if "Source: " in (text := file.read_text())
        for source in sources(text)
        if (wrong := faults(source))
    }
    assert not found


def test_there_are_sources_to_follow() -> None:
    assert sum(len(list(sources(file.read_text()))) for file in files()) > 60


def test_every_page_that_code_names_is_there() -> None:
    named = {
        (str(file.relative_to(REPOSITORY)), name)
        for file in files()
        for name in re.findall(r"\bdocs/[\w./-]+\.(?:md|json|yaml)\b", file.read_text())
        if "/docs/" not in name and not (REPOSITORY / name).exists()
    }
    assert not named


def test_nothing_rests_on_a_text_that_is_not_here() -> None:
    absent = re.compile(
        r"\bthe design('s)?\b|\b(?:architecture|rating|across-time|house)\.md,? section"
    )
    pages = [*(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "README.md", *files()]
    found = [page for page in pages if absent.search(page.read_text())]
    assert not found
