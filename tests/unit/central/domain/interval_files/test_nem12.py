"""NEM12 and NEM13 files, against every real one."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from central.domain.interval_files.nem12 import read_nem, write_nem
from central.domain.interval_files.values import IntervalFileError, MeteredFile
from tests.support.data import find_data

DATA = find_data()
FOLDER = None if DATA is None else DATA / "intervals" / "nem12"
INDEX: dict[str, Any] = (
    {}
    if FOLDER is None
    else json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["files"]
)
SOUND = [name for name in INDEX if not name.startswith("invalid/")]
HEAD = "100,NEM12,200405011135,MDA1,Ret1\n"
STREAM = "200,NEM1,E1,1,E1,N1,M1,kWh,60,\n"
DAY = "300,20261004," + ",".join(["1.5"] * 24) + ",A,,,20261005000000,\n"


def read(text: str) -> MeteredFile:
    return read_nem(text.splitlines(keepends=True))


def counted(file: MeteredFile) -> list[dict[str, Any]]:
    """Registers as the index has them."""
    found: dict[tuple[str, str], list[tuple[Decimal, str]]] = {}
    for stream in file.streams:
        held = found.setdefault((stream.point, stream.suffix), [])
        for day in stream.days:
            for value, flag in zip(day.values, day.flags, strict=True):
                if value is not None:
                    held.append((value, flag.method[:1]))
    for each in file.accumulations:
        held = found.setdefault((each.point, each.suffix), [])
        held.append((each.quantity, each.flag.method[:1]))
    return [
        {
            "nmi": point,
            "suffix": suffix,
            "readings": len(values),
            "sum": sum((value for value, _ in values), Decimal(0)),
            "quality": dict(Counter(method for _, method in values)),
        }
        for (point, suffix), values in sorted(found.items())
    ]


@pytest.mark.skipif(not INDEX, reason="the real interval files are not here")
def test_every_real_file_has_the_counts_sums_and_flags_of_its_index() -> None:
    assert FOLDER is not None
    wrong = []
    for name in SOUND:
        file = read((FOLDER / name).read_text(encoding="utf-8"))
        expected = [
            {
                **{key: each[key] for key in ("nmi", "suffix", "readings", "quality")},
                "sum": Decimal(each["sum"]),
            }
            for each in sorted(INDEX[name]["registers"], key=lambda r: (r["nmi"], r["suffix"]))
        ]
        again = read("".join(write_nem(file)))
        if counted(file) != expected or (again.streams, again.accumulations) != (
            file.streams,
            file.accumulations,
        ):
            wrong.append(name)
    assert wrong == []
    assert len(SOUND) > 80


@pytest.mark.skipif(not INDEX, reason="the real interval files are not here")
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Example_NEM12_15min_200_30min_300.csv", "Line 3: 48 values instead of 96."),
        ("Example_NEM12_30min_200_15min_300.csv", "Line 3: more than 48 values."),
        ("Example_NEM12_missing_header.csv", "Line 2: the file does not begin with a record 100."),
        ("Example_NEM12_powercor_zipped.csv", "Line 2: the file does not begin with a record 100."),
        ("Example_empty_file.csv", "Line 1: the file is empty: it has no record 100."),
    ],
)
def test_faulty_files_are_refused_by_line(name: str, what: str) -> None:
    assert FOLDER is not None
    with pytest.raises(IntervalFileError) as refused:
        read((FOLDER / "invalid" / name).read_text(encoding="utf-8"))
    assert refused.value.message == what


def test_a_file_without_data_is_one() -> None:
    assert read(f"{HEAD}900\n").streams == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (HEAD + STREAM + DAY, "without a record 900"),
        (f"{HEAD}{DAY}900\n", "no record 200"),
        (f"{HEAD}{STREAM}400,1,2,A\n900\n", "no record 300"),
        (f"{HEAD}{STREAM}{DAY}400,1,25,A\n900\n", "no intervals 1 to 25"),
        (f"{HEAD}{STREAM}{DAY.replace('1.5', '=1+1', 1)}900\n", r"'=1\+1' is not a number"),
        (f"{HEAD}{STREAM}{DAY.replace('1.5', '1e400', 1)}900\n", "is not a number"),
        (f"{HEAD}{STREAM}{DAY.replace('20261004', '20261304')}900\n", "is not a day"),
        (f"{HEAD}{STREAM.replace(',60,', ',7,')}900\n", "'7' minutes"),
        (f"{HEAD}{HEAD}900\n", "second record 100"),
        (f"{HEAD}900\n900\n", "after its record 900"),
        (f"{HEAD}777\n900\n", "no record '777'"),
        (HEAD + "9" * 70_000, "more than 65,536 characters"),
        ("100,NEM99,1,2,3\n900\n", "neither NEM12 nor NEM13"),
        (f"{HEAD}250,NEM1\n900\n", "at least 20 fields"),
    ],
)
def test_what_cannot_be_names_its_line(text: str, what: str) -> None:
    with pytest.raises(IntervalFileError, match=what):
        read(text)


def test_what_is_left_out_is_counted() -> None:
    file = read(f"{HEAD}{STREAM}{DAY}400,1,4,S14,32,Small outage\n500,O,1,20261004,\n900\n")
    assert file.left_out == (("500", 1),)
    day = file.streams[0].days[0]
    assert [(first, last, flag.method) for first, last, flag in day.runs()] == [
        (1, 4, "S14"),
        (5, 24, "A"),
    ]
    assert "400,1,4,S14,32,Small outage\r\n" in list(write_nem(file))
