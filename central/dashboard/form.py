"""The fields of a form that a page sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Self
from urllib.parse import parse_qs

from starlette.requests import Request

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.plain_text import flaw

LONGEST = 400


class FieldRefusedError(InvalidValueError):
    """A field of a form is empty, or is not what belongs there."""

    code = "FIELD_REFUSED"
    default_remedy = "Go back, correct the field and send the form again."


class SentForm:
    """What a form says, field by field.

    Args:
        fields: Texts by name; the last of a name counts.
        every: All texts of a name, in the order in which they were sent.
    """

    def __init__(
        self, fields: dict[str, str], every: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._fields = fields
        self._every = every or {}

    @classmethod
    async def of(cls, request: Request) -> Self:
        """The form that a request carries."""
        body = (await request.body()).decode("utf-8", "replace")
        fields = parse_qs(body, keep_blank_values=True)
        return cls({name: values[-1] for name, values in fields.items()}, fields)

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a name, such as those of boxes that are ticked."""
        return tuple(self._every.get(name, ()))

    def pairs(self, *without: str) -> tuple[tuple[str, str], ...]:
        """All that was sent, but for some names: to be sent once more."""
        return tuple(
            (name, value)
            for name, values in self._every.items()
            if name not in without
            for value in values
        )

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names of fields that begin so."""
        return tuple(name for name in self._fields if name.startswith(prefix))

    def has(self, name: str) -> bool:
        """Whether a box is ticked or a button was pressed."""
        return name in self._fields

    def optional(self, name: str, label: str, longest: int = LONGEST) -> str:
        """A field's text without the space around it; empty where it is not given.

        Args:
            name: Of the field.
            label: As the form calls it.
            longest: How many characters it may have.

        Raises:
            FieldRefusedError: It is too long, or holds what nobody sees.
        """
        text = self._fields.get(name, "").strip()
        bad = flaw(text)
        if bad is not None:
            message = f"{label} holds {bad}."
            raise FieldRefusedError(message, value=text)
        if len(text) > longest:
            message = f"{label} has {len(text)} characters; it may have {longest}."
            raise FieldRefusedError(message, value=len(text))
        return text

    def text(self, name: str, label: str, longest: int = LONGEST) -> str:
        """A field's text; see `optional`.

        Raises:
            FieldRefusedError: It is empty, too long, or holds what nobody sees.
        """
        text = self.optional(name, label, longest)
        if not text:
            message = f"{label} is empty."
            raise FieldRefusedError(message, value=text)
        return text

    def secret(self, name: str, label: str, longest: int) -> str:
        """A password as it was typed; no error repeats it.

        Raises:
            FieldRefusedError: It is empty or too long.
        """
        text = self._fields.get(name, "")
        if not 0 < len(text) <= longest:
            message = f"{label} has 1 to {longest} characters."
            raise FieldRefusedError(message)
        return text

    def document(self, name: str, label: str, longest: int) -> str:
        """A field of several lines; see `text`.

        Raises:
            FieldRefusedError: It is empty, too long, or holds what nobody sees.
        """
        text = self._fields.get(name, "").replace("\r\n", "\n")
        if not text.strip():
            message = f"{label} is empty."
            raise FieldRefusedError(message, value="")
        bad = flaw(text, lines=True)
        if bad is not None:
            message = f"{label} holds {bad}."
            raise FieldRefusedError(message, value=text[:longest])
        if len(text) > longest:
            message = f"{label} has {len(text)} characters; it may have {longest}."
            raise FieldRefusedError(message, value=len(text))
        return text

    def lines(self, name: str, label: str) -> tuple[str, ...]:
        """A field's lines, without those that are empty.

        Raises:
            FieldRefusedError: One is too long, or holds what nobody sees.
        """
        split = self._fields.get(name, "").splitlines()
        texts = (SentForm({name: line}).optional(name, label) for line in split)
        return tuple(text for text in texts if text)

    def optional_day(self, name: str, label: str) -> date | None:
        """A field's day; None where it is empty.

        Raises:
            FieldRefusedError: It is not a day.
        """
        text = self.optional(name, label)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            message = f"{label}: {text!r} is not a day such as 2026-10-01."
            raise FieldRefusedError(message, value=text) from None

    def day(self, name: str, label: str) -> date:
        """A field's day.

        Raises:
            FieldRefusedError: It is empty or not a day.
        """
        day = self.optional_day(name, label)
        if day is None:
            message = f"{label} is empty."
            raise FieldRefusedError(message)
        return day

    def whole(self, name: str, label: str, most: int) -> int:
        """A field's whole number from 0.

        Args:
            name: Of the field.
            label: As the form calls it.
            most: The largest that is allowed.

        Raises:
            FieldRefusedError: It is empty, not a whole number, or too large.
        """
        text = self.text(name, label)
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
            message = f"{label}: {text!r} is not a whole number from 0 to {most}."
            raise FieldRefusedError(message, value=text)
        number = int(text)
        if number > most:
            message = f"{label}: {number} is more than {most}."
            raise FieldRefusedError(message, value=number)
        return number

    def optional_whole(self, name: str, label: str, most: int) -> int | None:
        """A field's whole number from 0; None where it is empty. See `whole`.

        Raises:
            FieldRefusedError: It is not a whole number, or too large.
        """
        return self.whole(name, label, most) if self.optional(name, label) else None
