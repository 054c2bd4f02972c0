"""Lists that a gateway's own files explain: a maker's document as a table of its members.

How it works: a file holds `[[lists]]`. A list *by position* names all its members in order, and is
taken where the number and the exact types of all members, and whatever else the table asks for,
are those of the telegram. A list *by code* gives scale and unit to the values of a list that sends
codes without them. Neither is guessed: the first table that fits counts, before the lists that are
built in, and a telegram that fits none is read as if there were no file.

Source: docs/reference/meter-protocols.md, "DLMS lists of your own".
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.dlms.attributes import Item
from firmware_bridge.dlms.axdr import NUMBERS, Node, Tag
from firmware_bridge.dlms.layouts import TYPE_NAMES, text_of
from firmware_bridge.dlms.units import NUMBERS_OF_UNITS
from firmware_bridge.driver.code_units import base_unit
from firmware_bridge.driver.table_faults import all_of, faults, read_toml, sentence

_TAGS = {name: tag for tag, name in TYPE_NAMES.items()}
_MAKER_SIZE = 3
# Of a member that is passed over, whatever its type is.
_ANY = "any"


class ListFileError(ConfigurationError):
    """A file of lists cannot be read, or breaks the format."""

    code = "DLMS_LIST_FILE"
    default_remedy = "Correct the key; the manual's page *Meter protocols* has every key."


def _tags(value: object) -> frozenset[Tag]:
    names = [str(name) for name in (value if isinstance(value, list) else [value])]
    if names == [_ANY]:
        return frozenset(Tag)
    unknown = [name for name in names if name not in _TAGS]
    if unknown or not names:
        message = f"{unknown[0] if unknown else value!r} is not one of {', '.join(sorted(_TAGS))}"
        raise ValueError(message)
    return frozenset(_TAGS[name] for name in names)


def _unit(text: str) -> str:
    if text not in NUMBERS_OF_UNITS:
        message = f"{text!r} is not one of {', '.join(NUMBERS_OF_UNITS)}"
        raise ValueError(message)
    return text


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class _Member(_Table):
    type: Annotated[frozenset[Tag], BeforeValidator(_tags)]
    obis: Annotated[Obis, BeforeValidator(lambda text: Obis.parse(str(text)))] | None = None
    scale: Annotated[int, Field(ge=-12, le=12)] = 0
    unit: Annotated[str, AfterValidator(_unit)] | None = None

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.obis is not None and len(self.type) == len(Tag):
            message = f"{self.obis} needs a `type`"
            raise ValueError(message)
        is_number = self.type <= NUMBERS | {Tag.NULL} and self.type != {Tag.NULL}
        if self.obis is None or not is_number:
            if self.unit is not None or self.scale:
                message = "`unit` and `scale` belong to a number with an `obis`"
                raise ValueError(message)
            return self
        if self.unit is None:
            message = f"{self.obis} is a number and needs a `unit`"
            raise ValueError(message)
        counts = base_unit(self.obis)
        if counts is not None and counts != self.unit:
            message = f"{self.obis} is counted in {counts}, not in {self.unit}"
            raise ValueError(message)
        return self

    def item(self, node: Node) -> Item:
        if self.unit is None or self.obis is None:
            return Item(self.obis, node)
        return Item(self.obis, node, self.scale, NUMBERS_OF_UNITS[self.unit])


class _List(_Table):
    name: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[str, StringConstraints(min_length=1)]
    maker: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    first: Annotated[str, StringConstraints(min_length=1)] | None = None
    by: Annotated[str, StringConstraints(pattern=r"^(position|code)$")] = "position"
    members: Annotated[tuple[_Member, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        codes = [member.obis for member in self.members if member.obis is not None]
        twice = next((code for code in codes if codes.count(code) > 1), None)
        if twice is not None:
            message = f"{twice} is listed twice"
            raise ValueError(message)
        if self.by == "code" and any(member.unit is None for member in self.members):
            message = 'each member of a list `by = "code"` needs `obis` and `unit`'
            raise ValueError(message)
        if self.by == "position" and not any(member.unit for member in self.members):
            message = "no member is a value"
            raise ValueError(message)
        return self


class _Document(_Table):
    lists: Annotated[tuple[_List, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class TaughtLists:
    """The lists of a gateway's files, in their order."""

    lists: tuple[_List, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, paths: Iterable[str]) -> TaughtLists:
        """The lists of these files.

        Raises:
            ListFileError: A file cannot be read, or breaks the format; names all its faults.
        """
        tables = all_of([partial(cls._read, path) for path in paths])
        return cls(tuple(chain.from_iterable(table.lists for table in tables)))

    @classmethod
    def _read(cls, path: str) -> TaughtLists:
        return cls.of(read_toml(Path(path), ListFileError, "file of lists"), path)

    @classmethod
    def of(cls, table: object, where: str) -> TaughtLists:
        """The lists of a file's table.

        Args:
            table: As parsed.
            where: The file, for people.

        Raises:
            ListFileError: It breaks the format; names all its faults.
        """
        try:
            return cls(_Document.model_validate(table).lists)
        except ValidationError as error:
            raise ListFileError(f"{where}: {sentence(faults(error))}", value=where) from error

    def by_position(self, members: Sequence[Node], maker: str) -> tuple[Item, ...] | None:
        """The members of a list that a table explains wholly; None where none does.

        Args:
            members: Of the list.
            maker: Three letters of whoever sent it; empty where nothing beside the list says so.
        """
        kinds = [node.tag for node in members]
        for table in self.lists:
            if table.by != "position" or len(table.members) != len(kinds):
                continue
            typed = all(k in m.type for k, m in zip(kinds, table.members, strict=True))
            if typed and _is_meant(table, members, maker):
                pairs = zip(table.members, members, strict=True)
                return tuple(m.item(n) for m, n in pairs if m.obis or n.tag not in NUMBERS)
        return None

    def scaled(
        self, items: Iterable[Item], members: Sequence[Node], maker: str
    ) -> tuple[Item, ...]:
        """The entries of a list with codes, with what a table says of those without a scale.

        Args:
            items: Its entries.
            members: Of the list.
            maker: As for `by_position`.
        """
        codes = [t for t in self.lists if t.by == "code" and _is_meant(t, members, maker)]
        explained = {m.obis: m for table in reversed(codes) for m in table.members}
        return tuple(_scaled(item, explained.get(item.obis)) for item in items)


NOTHING_TAUGHT = TaughtLists()


@cache
def shipped_lists() -> TaughtLists:
    """The lists that come with Meterline, by country."""
    texts = sorted(
        (file.name, file.read_text(encoding="utf-8"))
        for file in files("firmware_bridge.dlms.shipped_lists").iterdir()
        if file.name.endswith(".toml")
    )
    return TaughtLists(
        tuple(
            one for _, text in texts for one in _Document.model_validate(tomllib.loads(text)).lists
        )
    )


def _scaled(item: Item, member: _Member | None) -> Item:
    if member is None or item.unit is not None or item.node.tag not in member.type:
        return item
    scaled = member.item(item.node)
    return replace(item, scaler=scaled.scaler, unit=scaled.unit, doubt="")


def _is_meant(table: _List, members: Sequence[Node], maker: str) -> bool:
    texts = [text_of(node) for node in members]
    first = texts[0] if texts else ""
    # Codes, and the list of what is pushed, stand before the first text of a list with codes.
    named = first if table.by == "position" else next(filter(None, texts), "")
    meant = maker or named[:_MAKER_SIZE]
    return table.first in (None, first) and table.maker in (None, meant)
