"""Green Button files, against every real one."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.read_green_button import TEXT_MAX, TOKEN_MAX, read_green_button
from central.domain.interval_files.summary import summary_of
from central.domain.interval_files.values import IntervalFileError
from central.domain.interval_files.write_green_button import write_green_button
from tests.support.data import find_data

DATA = find_data()
FOLDER = None if DATA is None else DATA / "intervals" / "greenbutton"
INDEX: dict[str, Any] = (
    {} if FOLDER is None else json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
)
ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
ESPI = 'xmlns="http://naesb.org/espi"'


def entry(content: str, *, own: str = "", up: str = "", related: tuple[str, ...] = ()) -> str:
    links = f'<link rel="self" href="{own}"/><link rel="up" href="{up}"/>'
    links += "".join(f'<link rel="related" href="{address}"/>' for address in related)
    return f"<entry><id>{own}</id><title>{own}</title>{links}<content>{content}</content></entry>"


def reading(start: int, value: str, more: str = "", duration: int = 900) -> str:
    period = f"<timePeriod><duration>{duration}</duration><start>{start}</start></timePeriod>"
    return f"<IntervalReading>{period}<value>{value}</value>{more}</IntervalReading>"


def kind(uom: str = "72", exponent: str = "0", name: str = "type") -> str:
    said = f"<powerOfTenMultiplier>{exponent}</powerOfTenMultiplier><uom>{uom}</uom>"
    return entry(f"<ReadingType {ESPI}>{said}</ReadingType>", own=name)


def series(name: str, of: str = "type") -> str:
    return entry(f"<MeterReading {ESPI}/>", own=name, related=(of, f"{name}/block"))


def block(name: str, *readings: str) -> str:
    return entry(f"<IntervalBlock {ESPI}>{''.join(readings)}</IntervalBlock>", up=f"{name}/block")


def feed(*entries: str) -> bytes:
    return f"<feed {ATOM}><title>A</title>{''.join(entries)}</feed>".encode()


def read(data: bytes, piece: int = 777) -> GreenButtonFile:
    return read_green_button(data[at : at + piece] for at in range(0, len(data), piece))


def anew(file: GreenButtonFile) -> GreenButtonFile:
    return read("".join(write_green_button(file)).encode())


@pytest.mark.skipif(not INDEX, reason="the real interval files are not here")
def test_every_real_file_has_the_counts_sums_and_flags_of_its_index() -> None:
    assert FOLDER is not None
    for name, said in INDEX.items():
        file = read((FOLDER / name).read_bytes(), 65_536)
        assert len(file.points) == said["usage_points"]
        rows = summary_of(file)
        for row, own, of in zip(rows, said["meter_readings"], file.series, strict=True):
            costs = None if own["sum_cost"] is None else Decimal(own["sum_cost"]).scaleb(-5)
            assert (row["values"], row["sum"]) == (own["interval_readings"], str(own["sum_value"]))
            assert row["cost"] == (None if costs is None else format(costs, "f")), name
            assert row["quality"] == own["quality_flags"]
            assert (row["gaps"], row["again"]) == (own["gaps"], own["duplicate_starts"])
            assert row["from"].startswith(own["first_start_utc"][:-1])
            assert row["until"].startswith(own["last_end_utc"][:-1])
            assert Counter(str(one.duration) for one in of.readings()) == own["durations_s"]
            assert (
                len([held for each in of.entries for held in each.blocks])
                == (own["interval_blocks"])
            )


@pytest.mark.skipif(not INDEX, reason="the real interval files are not here")
def test_every_real_file_is_written_to_the_same_values_and_flags() -> None:
    assert FOLDER is not None
    for name in INDEX:
        file = read((FOLDER / name).read_bytes(), 65_536)
        again = anew(file)
        assert (again.feed, again.points, again.times) == (file.feed, file.points, file.times)
        assert again.series == file.series, name


def test_values_have_their_power_of_ten_and_unit() -> None:
    data = feed(kind("42", "-3"), series("water"), block("water", reading(900, "1234")))
    (row,) = summary_of(read(data))
    assert (row["sum"], row["unit"], row["from"]) == ("1.234", "m3", "1970-01-01T00:15:00+00:00")


def test_blocks_belong_to_the_readings_that_name_them() -> None:
    data = feed(
        *(kind(), kind("73", "3", "reactive"), series("b", "reactive"), series("a")),
        block("a", reading(0, "1"), reading(900, "2")),
        block("b", reading(0, "5")),
        block("a", reading(2700, "4")),
    )
    rows = [(row["suffix"], row["sum"], row["unit"], row["gaps"]) for row in summary_of(read(data))]
    assert rows == [("a", "7", "Wh", 1), ("b", "5000", "varh", 0)]
    assert anew(read(data)).series == read(data).series


def test_an_entry_may_hold_several_blocks_and_names_may_have_a_prefix() -> None:
    block_xml = "<e:IntervalBlock><e:IntervalReading><e:timePeriod><e:duration>60</e:duration>"
    block_xml += "<e:start>{}</e:start></e:timePeriod><e:value>3</e:value></e:IntervalReading>"
    block_xml += "</e:IntervalBlock>"
    data = feed(
        *(kind(), series("a")),
        entry(block_xml.format(0) + block_xml.format(60), up="a/block"),
    ).replace(b"<feed ", b'<feed xmlns:e="http://naesb.org/espi" ')
    (row,) = summary_of(read(data))
    assert (row["values"], row["sum"], row["gaps"]) == (2, "6", 0)


def test_tiers_and_several_qualities_are_kept() -> None:
    quality = "<ReadingQuality><quality>{}</quality></ReadingQuality>"
    more = (
        f"{quality.format(8)}{quality.format(14)}<consumptionTier>2</consumptionTier><tou>1</tou>"
    )
    file = read(feed(kind(), series("a"), block("a", reading(0, "1", more))))
    (one,) = file.series[0].readings()
    assert one.qualities == ("8", "14")
    assert one.more == (("consumptionTier", "2"), ("tou", "1"))
    assert [*anew(file).series[0].readings()] == [one]


BOMB = b'<!DOCTYPE feed [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no element found"),
        (b"<html/>", "Green Button"),
        (BOMB + feed(), "document type"),
        (feed()[:-3], "no sound XML"),
        (feed(kind(), series("a"), block("a", reading(0, "1.5"))), "'1.5' is no whole number"),
        (feed(kind(), series("a"), block("a", reading(0, "1e9"))), "no whole number"),
        (feed(kind(), series("a"), block("a", reading(0, "\u0661"))), "no whole number"),
        (feed(kind(), series("a"), block("a", reading(-9, "1"))), "no time"),
        (feed(kind(), series("a"), block("a", reading(10**15, "1"))), "no time"),
        (feed(kind(), series("a"), block("a", reading(0, "1", duration=0))), "of 0 seconds"),
        (feed(kind(), kind(name="b"), series("a", "none")), "do not say their unit"),
        (feed(kind(), series("a"), series("b"), block("c")), "belongs to no readings"),
        (feed(kind(exponent="99")), "to the power of 99"),
        (feed(kind(), series("a"), block("a", reading(0, "9" * 30))), "no whole number"),
        (feed(f"<entry><id>{'x' * (TEXT_MAX + 1)}</id></entry>"), "characters of text"),
        (feed("<a>" * 30 + "</a>" * 30), "deep in each other"),
        (b"<feed><!-- " + b"x" * (2 * TOKEN_MAX), "bytes|Green Button"),
        (f"<feed {ATOM}><!-- ".encode() + b"x" * (2 * TOKEN_MAX), "bytes"),
    ],
)
def test_what_cannot_be_names_its_line(data: bytes, what: str) -> None:
    with pytest.raises(IntervalFileError, match=what):
        read(data, 65_536)


def mutants(count: int) -> Iterator[bytes]:
    chance = random.Random(7)  # noqa: S311 - these are no secrets
    sound = feed(kind(), series("a"), block("a", reading(0, "1"), reading(900, "2")))
    for _ in range(count):
        data = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 9)] = chance.choice(
                (
                    b"",
                    b"<",
                    b">",
                    b"&x;",
                    b"\0",
                    b"\xff",
                    b"</content>",
                    b"<entry>",
                    b"-",
                    b"9" * 40,
                )
            )
        yield bytes(data)


def test_a_mutant_is_read_or_refused_by_name() -> None:
    for data in mutants(2_000):
        try:
            file = read(data)
        except IntervalFileError:
            continue
        summary_of(file)
        assert anew(file).series == file.series, data
