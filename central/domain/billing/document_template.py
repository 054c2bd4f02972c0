"""The templates that documents are typeset from; a template that was used is never edited."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from firmware_bridge.contract.errors import OperatorError

TEMPLATES = ("invoice-1", "invoice-2", "invoice-3", "invoice-4", "invoice-5")
"""Every template of this release, oldest first; a change of one is a new name here."""

ENGLISH = frozenset({"invoice-1", "invoice-2"})
"""Those that say their headings in English, whatever the language of the document."""

WITHOUT_TERMS = frozenset({"invoice-1", "invoice-2", "invoice-3"})
"""Those that print no addresses, codes and payment of `InvoiceTerms`."""


class UnknownTemplateError(OperatorError):
    """There is no such template."""

    code = "UNKNOWN_TEMPLATE"
    default_remedy = "Choose a template of this release."


@dataclass(frozen=True, slots=True)
class DocumentTemplate:
    """A template with its text.

    Args:
        name: As the settings name it.
        text: Of the typesetter.
    """

    name: str
    text: bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the text."""
        return hashlib.sha256(self.text).hexdigest()


@cache
def template_of(name: str) -> DocumentTemplate:
    """A template of this release.

    Raises:
        UnknownTemplateError: There is none of that name.
    """
    if name not in TEMPLATES:
        message = f"There is no document template {name!r}."
        raise UnknownTemplateError(message, value=name, remedy=f"Choose {' or '.join(TEMPLATES)}.")
    text = files(__package__).joinpath("templates", f"{name}.typ").read_bytes()
    return DocumentTemplate(name, text)
