"""Write a Green Button file: read again it says the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from central.domain.interval_files.green_button import (
    FeedEntry,
    Fields,
    GreenButtonFile,
    IntervalBlock,
    IntervalReading,
)

_ATOM, _ESPI = "http://www.w3.org/2005/Atom", "http://naesb.org/espi"


def write_green_button(file: GreenButtonFile) -> Iterator[str]:
    """The file, in pieces."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{_ATOM}">\n'
    yield _head(file.feed)
    for resource in (*file.points, *file.times):
        yield from _entry(resource.entry, [_resource(resource.kind, resource.fields)])
    types: dict[FeedEntry, Fields] = {}
    for series in file.series:
        yield from _entry(series.entry, [_resource("MeterReading", series.fields)])
        if series.type_entry not in types:
            types[series.type_entry] = series.type_fields
            yield from _entry(series.type_entry, [_resource("ReadingType", series.type_fields)])
        for block in series.entries:
            yield from _entry(block.entry, (_block(each) for each in block.blocks))
    yield "</feed>\n"


def _head(entry: FeedEntry) -> str:
    links = "".join(
        f"<link rel={quoteattr(relation)} href={quoteattr(address)}/>\n"
        for relation, address in entry.links
    )
    times = "".join(
        f"<{name}>{escape(text)}</{name}>\n"
        for name, text in (("published", entry.published), ("updated", entry.updated))
        if text
    )
    return f"<id>{escape(entry.id)}</id>\n<title>{escape(entry.title)}</title>\n{links}{times}"


def _entry(entry: FeedEntry, contents: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield f"<entry>\n{_head(entry)}<content>\n"
    yield from contents
    yield "</content>\n</entry>\n"


def _resource(kind: str, fields: Fields) -> str:
    return f'<{kind} xmlns="{_ESPI}">{_elements(fields)}</{kind}>\n'


def _elements(fields: Fields) -> str:
    """Elements with their text; those inside one come together, as they stood."""
    written: list[str] = []
    within: list[str] = []
    for path, text in fields:
        *outer, name = path.split("/")
        shared = 0
        while shared < min(len(outer), len(within)) and outer[shared] == within[shared]:
            shared += 1
        written += [f"</{each}>" for each in reversed(within[shared:])]
        written += [f"<{each}>" for each in outer[shared:]]
        written.append(f"<{name}>{escape(text)}</{name}>")
        within = outer
    written += [f"</{each}>" for each in reversed(within)]
    return "".join(written)


def _block(block: IntervalBlock) -> str:
    interval = ""
    if block.start is not None and block.duration is not None:
        span = f"<duration>{block.duration}</duration><start>{block.start}</start>"
        interval = f"<interval>{span}</interval>\n"
    readings = "".join(map(_reading, block.readings))
    return f'<IntervalBlock xmlns="{_ESPI}">\n{interval}{readings}</IntervalBlock>\n'


def _reading(reading: IntervalReading) -> str:
    cost = "" if reading.cost is None else f"<cost>{reading.cost}</cost>"
    value = "" if reading.value is None else f"<value>{reading.value}</value>"
    quality = "".join(
        f"<ReadingQuality><quality>{escape(code)}</quality></ReadingQuality>"
        for code in reading.qualities
    )
    span = f"<duration>{reading.duration}</duration><start>{reading.start}</start>"
    period = f"<timePeriod>{span}</timePeriod>"
    more = _elements(reading.more)
    return f"<IntervalReading>{cost}{quality}{period}{value}{more}</IntervalReading>\n"
