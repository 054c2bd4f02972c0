"""Gather the texts of the pages into their catalogues.

`make texts` puts what is new into `central/dashboard/locales/*.po` with an empty translation, and
takes out what no page says any more. `tests/unit/central/dashboard/test_texts.py` says which are
still empty.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import write_po
from jinja2.ext import babel_extract

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from central.api.problems import TITLES  # noqa: E402 - of this repository, wherever it is run
from central.dashboard.language import LANGUAGES, catalogue_of  # noqa: E402
from central.dashboard.words import domain_texts  # noqa: E402

DASHBOARD = REPOSITORY / "central" / "dashboard"
MARKS = {"gettext": None, "ngettext": (1, 2), "marked": None}
"""Functions of the code whose first texts are for people."""

FUNCTIONS = ("_", "gettext", "ngettext")
Id = str | tuple[str, str]


def wanted() -> set[Id]:
    """Every text that a page may show, as gettext names it."""
    texts = {*_of_templates(), *_of_code(), *domain_texts(), *TITLES.values()}
    # gettext has one entry for a text and for that text with its plural.
    return texts - {text[0] for text in texts if isinstance(text, tuple)}


def _of_templates() -> Iterator[Id]:
    for path in sorted((DASHBOARD / "templates").glob("*.html")):
        with path.open("rb") as source:
            for _, _, messages, _ in babel_extract(source, FUNCTIONS, (), {}):
                yield from _ids(messages)


def _of_code() -> Iterator[Id]:
    for path in sorted(DASHBOARD.rglob("*.py")):
        with path.open("rb") as source:
            for _, messages, _, _ in extract("python", source, MARKS):
                yield from _ids(messages)


def _ids(messages: object) -> Iterator[Id]:
    """The name of a text; none where it is only known when a page is shown."""
    given = messages if isinstance(messages, (list, tuple)) else (messages,)
    texts = [text for text in given if isinstance(text, str)]
    if texts:
        yield (texts[0], texts[1]) if len(texts) > 1 else texts[0]


def gathered(code: str) -> Catalog:
    """The catalogue of a language with exactly the texts that are wanted."""
    old = catalogue_of(code)
    new = Catalog(locale=code, header_comment=old.header_comment, fuzzy=False)
    new.mime_headers = old.mime_headers
    for key in sorted(wanted(), key=lambda key: key if isinstance(key, tuple) else (key, "")):
        before = old.get(key)
        new.add(key, before.string if isinstance(before, Message) else None)
    return new


def main() -> None:
    """Write the catalogues anew, and say how many texts are not translated."""
    for code in LANGUAGES:
        if code == "en":
            continue
        catalogue = gathered(code)
        path = DASHBOARD / "locales" / f"{code}.po"
        header = path.read_text(encoding="utf-8").partition("\n\n")[0]
        body = BytesIO()
        write_po(body, catalogue, width=0, omit_header=True)
        path.write_text(f"{header}\n\n{body.getvalue().decode().strip()}\n", encoding="utf-8")
        empty = [message.id for message in catalogue if message.id and not _full(message)]
        print(f"{code}: {len(catalogue)} texts, {len(empty)} not translated")


def _full(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(strings)


if __name__ == "__main__":
    main()
