"""Read a Green Button file, piece by piece: it needs no more memory than what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from central.domain.interval_files.green_button import (
    BlockEntry,
    EspiReadings,
    FeedEntry,
    Fields,
    GreenButtonFile,
    IntervalBlock,
    IntervalReading,
    Resource,
)
from central.domain.interval_files.values import IntervalFileError

READINGS_MAX: Final = 5_000_000
"""How many readings a file has at most."""
TEXT_MAX: Final = 4_096
"""How many characters an element's text, or an attribute, has at most."""
TOKEN_MAX: Final = 1 << 20
"""How many bytes there are at most from one `<` to its `>`."""
DEPTH_MAX: Final = 24
_ATOM: Final = "http://www.w3.org/2005/Atom"
_ESPI: Final = "http://naesb.org/espi"
_DIGITS: Final = 18
_YEAR_10000: Final = 253_402_300_800
_YEAR_S: Final = 366 * 86_400
_RESOURCES: Final = frozenset({"UsagePoint", "LocalTimeParameters", "MeterReading", "ReadingType"})


def read_green_button(pieces: Iterable[bytes]) -> GreenButtonFile:
    """The contents of a file.

    Args:
        pieces: Of the file, one after another.

    Raises:
        IntervalFileError: A line says what cannot be; names it.
    """
    reader = _Reader()
    fed = 0
    try:
        for piece in pieces:
            reader.parser.Parse(piece, False)
            fed += len(piece)
            if fed - max(reader.parser.CurrentByteIndex, 0) > TOKEN_MAX:
                raise reader.wrong(f"something in it has more than {TOKEN_MAX:,} bytes")
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        message = f"Line {error.lineno}: it is no sound XML ({expat.ErrorString(error.code)})."
        raise IntervalFileError(message, value=error.lineno) from None
    return reader.contents()


@dataclass(slots=True)
class _Draft:
    """An entry that is being read."""

    texts: dict[str, str] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    kind: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    blocks: list[IntervalBlock] = field(default_factory=list)

    def entry(self) -> FeedEntry:
        """What the feed says of it."""
        names = (self.texts.get(name, "") for name in ("id", "title", "published", "updated"))
        key, title, published, updated = names
        return FeedEntry(key, title, tuple(self.links), published, updated)


class _Reader:
    """What was read so far."""

    def __init__(self) -> None:
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._take
        parser.StartDoctypeDeclHandler = self._refuse
        self._open: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._length = 0
        self._feed = _Draft()
        self._draft: _Draft | None = None
        self._reading: list[tuple[str, str]] = []
        self._interval: dict[str, str] = {}
        self._readings: list[IntervalReading] = []
        self._count = 0
        self._done: list[tuple[str, FeedEntry, Fields, tuple[IntervalBlock, ...]]] = []
        self._left_out: Counter[str] = Counter()

    def wrong(self, what: str) -> IntervalFileError:
        """An error that names the line that is being read."""
        line = self.parser.CurrentLineNumber
        return IntervalFileError(f"Line {line}: {what}.", value=line)

    def _refuse(self, *_: object) -> None:
        raise self.wrong("it has a document type, which a Green Button file has not")

    def _take(self, text: str) -> None:
        self._length += len(text)
        if self._length > TEXT_MAX:
            raise self.wrong(f"an element has more than {TEXT_MAX:,} characters of text")
        self._text.append(text)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if not self._open and (space, local) != (_ATOM, "feed"):
            raise self.wrong(f"it is no Atom feed but {local[:20]!r}, and so no Green Button file")
        if len(self._open) >= DEPTH_MAX:
            raise self.wrong(f"elements stand more than {DEPTH_MAX} deep in each other")
        self._open.append((space, local))
        self._text, self._length = [], 0
        path = self._local()
        if path == ["entry"]:
            self._draft = _Draft()
        elif local == "link" and space == _ATOM and path[:-1] in ([], ["entry"]):
            link = attributes.get("rel", "alternate"), attributes.get("href", "")
            if max(map(len, link)) > TEXT_MAX:
                raise self.wrong(f"an address has more than {TEXT_MAX:,} characters")
            self._of(path).links.append(link)
        elif self._draft is not None and path[:2] == ["entry", "content"]:
            self._begin(self._draft, path[2:], space)

    def _local(self) -> list[str]:
        return [local for _, local in self._open[1:]]

    def _of(self, path: Sequence[str]) -> _Draft:
        return self._draft if self._draft is not None and path[0] == "entry" else self._feed

    def _begin(self, draft: _Draft, inside: Sequence[str], space: str) -> None:
        if len(inside) == 1 and space == _ESPI:
            draft.kind = inside[0]
        if inside == ["IntervalBlock"]:
            self._interval, self._readings = {}, []
        elif inside == ["IntervalBlock", "IntervalReading"]:
            self._reading = []

    def _end(self, _: str) -> None:
        path = self._local()
        text = "".join(self._text).strip()
        self._open.pop()
        self._text, self._length = [], 0
        if len(path) == 1 and path[0] != "entry":
            self._feed.texts[path[0]] = text
        elif self._draft is not None:
            if path == ["entry"]:
                self._finish(self._draft)
                self._draft = None
            elif path[1] == "content":
                self._close(self._draft, path[2:], text)
            elif len(path) == 2:  # noqa: PLR2004 - an element of the entry itself
                self._draft.texts[path[1]] = text

    def _close(self, draft: _Draft, inside: Sequence[str], text: str) -> None:
        if inside[:1] != ["IntervalBlock"]:
            # One that holds others has only their text.
            if len(inside) > 1 and draft.kind in _RESOURCES and text:
                draft.fields.append(("/".join(inside[1:]), text))
        elif len(inside) == 1:
            start, duration = (self._interval.get(name) for name in ("start", "duration"))
            draft.blocks.append(
                IntervalBlock(
                    None if start is None else self._second(start),
                    None if duration is None else self._second(duration),
                    tuple(self._readings),
                )
            )
        elif inside[1] == "interval" and len(inside) == 3:  # noqa: PLR2004 - start or duration
            self._interval[inside[2]] = text
        elif inside[1] == "IntervalReading":
            if len(inside) > 2:  # noqa: PLR2004 - inside the reading
                if text:
                    self._reading.append(("/".join(inside[2:]), text))
            else:
                self._readings.append(self._read())

    def _read(self) -> IntervalReading:
        self._count += 1
        if self._count > READINGS_MAX:
            raise self.wrong(f"there are more than {READINGS_MAX:,} readings")
        texts = dict(self._reading)
        if "timePeriod/start" not in texts or "timePeriod/duration" not in texts:
            raise self.wrong("a reading does not say from when and for how long")
        start = self._second(texts["timePeriod/start"])
        duration = self._integer(texts["timePeriod/duration"])
        if not 0 < duration <= _YEAR_S:
            raise self.wrong(f"a reading of {duration} seconds")
        read_already = {"timePeriod/start", "timePeriod/duration", "value", "cost"}
        quality = "ReadingQuality/quality"
        return IntervalReading(
            start,
            duration,
            self._integer(texts["value"]) if "value" in texts else None,
            self._integer(texts["cost"]) if "cost" in texts else None,
            tuple(text for name, text in self._reading if name == quality),
            tuple(pair for pair in self._reading if pair[0] not in {*read_already, quality}),
        )

    def _integer(self, text: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
            raise self.wrong(f"{text[:20]!r} is no whole number")
        return int(text)

    def _second(self, text: str) -> int:
        second = self._integer(text)
        if not 0 <= second < _YEAR_10000 - _YEAR_S:
            raise self.wrong(f"{text[:20]!r} is no time in seconds since 1970")
        return second

    def _finish(self, draft: _Draft) -> None:
        if draft.kind == "IntervalBlock" or draft.kind in _RESOURCES:
            if draft.kind == "ReadingType":
                self._check_type(dict(draft.fields))
            done = draft.entry(), tuple(draft.fields), tuple(draft.blocks)
            self._done.append((draft.kind, *done))
        else:
            self._left_out[draft.kind or "entry"] += 1

    def _check_type(self, texts: dict[str, str]) -> None:
        exponent = self._integer(texts.get("powerOfTenMultiplier", "0"))
        if abs(exponent) > _DIGITS:
            raise self.wrong(f"values of ten to the power of {exponent}")

    def contents(self) -> GreenButtonFile:
        """The file, once all of it is read."""
        points, times = (
            tuple(
                Resource(entry, kind, fields)
                for kind, entry, fields, _ in self._done
                if kind == name
            )
            for name in ("UsagePoint", "LocalTimeParameters")
        )
        of_series = [done for done in self._done if done[0] == "MeterReading"]
        types = [done for done in self._done if done[0] == "ReadingType"]
        blocks = self._by_series([done[1] for done in of_series])
        series = []
        for number, (_, entry, fields, _blocks) in enumerate(of_series):
            asked = entry.to("related")
            kind = _named(asked, [done[1] for done in types], lambda each: each.to("self"))
            if kind is None:
                message = f"The readings {entry.title or entry.id!r} do not say their unit."
                raise IntervalFileError(message, value=entry.id)
            point = _named(
                entry.to("up"), [each.entry for each in points], lambda each: each.to("related")
            )
            texts = types[kind]
            series.append(
                EspiReadings(entry, fields, point, texts[1], texts[2], tuple(blocks[number]))
            )
        left_out = tuple(sorted(self._left_out.items()))
        return GreenButtonFile(self._feed.entry(), points, times, tuple(series), left_out)

    def _by_series(self, entries: Sequence[FeedEntry]) -> list[list[BlockEntry]]:
        """Blocks by the series that they belong to."""
        blocks: list[list[BlockEntry]] = [[] for _ in entries]
        for kind, entry, _, of_entry in self._done:
            if kind != "IntervalBlock":
                continue
            number = _named(entry.to("up"), entries, lambda each: each.to("related"))
            if number is None:
                message = f"The block {entry.id!r} belongs to no readings that the file names."
                raise IntervalFileError(message, value=entry.id)
            blocks[number].append(BlockEntry(entry, of_entry))
        return blocks


def _named(
    asked: Sequence[str], entries: Sequence[FeedEntry], addresses: Callable[[FeedEntry], list[str]]
) -> int | None:
    """The number of the entry that has an address; of one that is the only one."""
    wanted = set(asked)
    for number, entry in enumerate(entries):
        if wanted & set(addresses(entry)):
            return number
    return 0 if len(entries) == 1 else None
