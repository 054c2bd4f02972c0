from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from central.service.registry.customer_file import CustomerFileError, read_customer_file
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import ACTIVE_IMPORT

BOOK = """\
seller: {name: Sierra Power, address: "Plaza 1\\nMadrid"}
tariffs: [home.yaml]
service_points:
  - name: SP-1
    zone: Europe/Madrid
    capacity: 10 kW
    meters:
      - {meter: MTL/1001, from: 2026-09-01, to: "2026-10-05T12:00:00+02:00", multiplier: 400/5,
         registers: [{obis: 1.8.0, modulus: 100000000, opening: 5}]}
accounts:
  - number: "0042"
    name: Ada
    agreements:
      - {point: SP-1, tariff: HOME, from: 2026-09-01, facts: {kw: 3.45, exempt: false, kind: no}}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "home.yaml").write_text("tariff: HOME\n")
    path = folder / "book.yaml"
    path.write_text(text)
    return path


def test_a_book_is_read_without_floats_or_surprises(tmp_path: Path) -> None:
    book, tariffs = read_customer_file(write(tmp_path, BOOK))
    assert tariffs == [("home.yaml", "tariff: HOME\n")]
    point = book.service_points[0]
    assert point.record().capacity == 10_000
    meter = point.meters[0].record(point.name, point.zone)
    assert meter.start == datetime(2026, 8, 31, 22, tzinfo=UTC)
    assert meter.end == datetime(2026, 10, 5, 10, tzinfo=UTC)
    assert meter.multiplier == Fraction(80)
    assert meter.registers[ACTIVE_IMPORT].modulus == Decimal(100_000_000)
    account = book.accounts[0]
    assert account.number == "0042"
    facts = account.agreements[0].record(account.number).facts
    day = datetime(2026, 10, 1, tzinfo=UTC).date()
    assert facts.at("kw", day) == Decimal("3.45")
    assert facts.at("exempt", day) is False
    assert facts.at("kind", day) == "no"
    assert book.seller is not None
    assert book.seller.party().address == ("Plaza 1", "Madrid")


@pytest.mark.parametrize(
    "text",
    ["service_points: [{name: X}]", "unknown: 1", "a: [", "tariffs: [nowhere.yaml]", "[]"],
)
def test_a_book_that_cannot_be_read_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(CustomerFileError):
        read_customer_file(write(tmp_path, text))


@pytest.mark.parametrize("start", ["yesterday", "2026-13-01", "2026-10-05T12:00:00"])
def test_a_time_that_is_none_is_refused(tmp_path: Path, start: str) -> None:
    book, _ = read_customer_file(
        write(tmp_path, BOOK.replace("from: 2026-09-01, to", f'from: "{start}", to'))
    )
    point = book.service_points[0]
    with pytest.raises(InvalidValueError):
        point.meters[0].record(point.name, point.zone)


@pytest.mark.parametrize(
    ("old", "new", "place", "line"),
    [
        ("name: Ada", 'name: "A\\0da"', "accounts.0.name", 12),
        ("name: Ada", 'name: "A\\x07da"', "accounts.0.name", 12),
        ("name: Ada", 'name: "A\\tda"', "accounts.0.name", 12),
        ("name: Ada", 'name: "A\\x85da"', "accounts.0.name", 12),
        ("name: Ada", 'name: "A\\ud800da"', "accounts.0.name", 12),
        ("name: Ada", 'name: "Ada\\nda"', "accounts.0.name", 12),
        ('"0042"', '"00\\e42"', "accounts.0.number", 11),
        ("Plaza 1", "Pla\\0za 1", "seller.address", 1),
        ("[home.yaml]", '["home\\0.yaml"]', "tariffs.0", 2),
        ("kind: no", '"ki\\0nd": no', "accounts.0.agreements.0.facts", 14),
        ("kind: no", 'kind: "n\\0o"', "accounts.0.agreements.0.facts.kind", 14),
    ],
)
def test_a_control_character_is_refused_by_field_and_line(
    tmp_path: Path, old: str, new: str, place: str, line: int
) -> None:
    assert old in BOOK
    with pytest.raises(CustomerFileError) as caught:
        read_customer_file(write(tmp_path, BOOK.replace(old, new)))
    assert f"book.yaml, line {line}: {place} " in str(caught.value)
    assert caught.value.value == place
    assert str(caught.value).isprintable()


def test_lines_belong_in_an_address_and_a_tariff(tmp_path: Path) -> None:
    text = BOOK.replace("[home.yaml]", '["tariff: A\\n\\tb: c\\n"]')
    assert read_customer_file(write(tmp_path, text))[1] == [("tariff", "tariff: A\n\tb: c\n")]


def test_a_file_that_refers_to_itself_or_is_not_utf_8_ends_in_a_sentence(tmp_path: Path) -> None:
    for text in ("&a [*a]", "accounts: &a [*a]", "seller: &a {name: *a}"):
        with pytest.raises(CustomerFileError):
            read_customer_file(write(tmp_path, text))
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"seller: {name: Jos\xe9}")
    with pytest.raises(CustomerFileError, match="UTF-8"):
        read_customer_file(path)
