"""Every text of the pages is in every language: none is missing, fuzzy, or stands bare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from jinja2 import Environment, nodes

from central.dashboard.language import LANGUAGES, catalogue_of
from central.dashboard.page import TEMPLATES
from tools.texts import wanted

OTHERS = [code for code in LANGUAGES if code != "en"]
NAMES = sorted(path.name for path in TEMPLATES.glob("*.html"))
HINT = "Run `make texts`, and translate what is empty in central/dashboard/locales."

# What is read the same in every language.
SAME = {"Meterline", "CSV", "kWh", "UTC"}
TAG = re.compile(r"<!--.*?-->|<!?/?[a-zA-Z](?:\"[^\"]*\"|'[^']*'|[^<>\"'])*>", re.DOTALL)
READ_ATTRIBUTE = re.compile(r"\b(?:aria-label|title|placeholder|alt)=\"([^\"]*)\"")
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
EXAMPLE = re.compile(r"[\d:TZ-]+")


@pytest.fixture(scope="module", params=OTHERS)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return catalogue_of(request.param)


def test_a_catalogue_has_every_text_and_no_other(catalogue: Catalog) -> None:
    there = {message.id for message in catalogue if message.id}
    assert (sorted(map(str, wanted() - there)), sorted(map(str, there - wanted()))) == ([], []), (
        HINT
    )


def test_every_text_is_translated_in_each_of_its_forms(catalogue: Catalog) -> None:
    assert [
        message.id for message in catalogue if message.id and not all(strings(message))
    ] == [], HINT


def test_no_translation_is_a_guess(catalogue: Catalog) -> None:
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []


def test_a_translation_has_the_values_of_its_text(catalogue: Catalog) -> None:
    wrong = [
        (message.id, string)
        for message in catalogue
        if message.id
        for string in strings(message)
        if placeholders(string) != placeholders(ids(message)[-1]) or odd_percent(string)
    ]
    assert wrong == []


def test_a_translation_is_as_safe_in_a_page_as_its_text(catalogue: Catalog) -> None:
    marks = re.compile(r"[<>\"&]")
    wrong = [
        message.id
        for message in catalogue
        for string in strings(message)
        if message.id and marks.findall(string) != marks.findall(ids(message)[0])
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_no_text_stands_bare_in_a_template(name: str) -> None:
    assert list(bare(TEMPLATES / name)) == [], 'Write {{ _("...") }}, and run `make texts`.'


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<h1>Meters</h1>", ["Meters"]),
        ("<h1>{{ _('Meters') }}</h1>", []),
        ('<p title="Not yet">{{ x }} kWh</p>', ["Not yet"]),
        ("<p>{{ 'Approve ' ~ x }}</p>", ["Approve "]),
        ("<p>{{ count }} batches</p>", ["batches"]),
        ("{% for value, name in (('', 'All'),) %}{{ name }}{% endfor %}", ["All"]),
    ],
)
def test_bare_text_is_found(source: str, found: list[str], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(source)
    assert list(bare(tmp_path / "page.html")) == found


def strings(message: Message) -> tuple[str, ...]:
    return _texts(message.string)


def ids(message: Message) -> tuple[str, ...]:
    return _texts(message.id)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (tuple, list)) else (str(value or ""),)


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


def odd_percent(text: str) -> bool:
    return "%" in PLACEHOLDER.sub("", text).replace("%%", "")


def bare(path: Path) -> Iterator[str]:
    """Texts for people that a template says by itself: between tags, in attributes, in code."""
    tree = Environment(autoescape=True, extensions=["jinja2.ext.i18n"]).parse(path.read_text())
    page = "".join(
        part.data if isinstance(part, nodes.TemplateData) else "\0"
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    texts = TAG.sub("\n", re.sub(r"<(code|script|style)\b.*?</\1>", "", page, flags=re.DOTALL))
    yield from filter(is_read, (text.strip() for text in re.split(r"[\n\0]", texts)))
    for text in READ_ATTRIBUTE.findall(page):
        yield from filter(is_read, (part.strip() for part in text.split("\0")))
    translated = {id(node) for call in calls(tree) for node in call.find_all(nodes.Const)}
    for const in tree.find_all(nodes.Const):
        if isinstance(const.value, str) and id(const) not in translated and is_said(const.value):
            yield const.value


def calls(tree: nodes.Template) -> Iterator[nodes.Call]:
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in {"_", "ngettext"}:
            yield call


def is_read(text: str) -> bool:
    spoken = set(re.findall(r"[^\W\d_]{2,}", text))
    return not spoken <= SAME and not EXAMPLE.fullmatch(text)


def is_said(text: str) -> bool:
    """Whether a constant is a text for people and not a class, an address, a name or a state."""
    begins_like_one = re.search(r"^[A-Z][a-z]{2,}|[a-z] [a-z]", text)
    return bool(begins_like_one) and not text.startswith("/") and not re.fullmatch(r"[a-z ]+", text)
