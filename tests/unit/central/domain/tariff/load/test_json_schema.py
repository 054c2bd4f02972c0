from __future__ import annotations

from pathlib import Path

from jsonschema import Draft202012Validator

from central.domain.tariff.load.json_schema import published, tariff_schema

PUBLISHED = Path(__file__).parents[6] / "docs" / "reference" / "tariffs" / "schema.json"


def test_published_schema_is_the_one_in_the_code() -> None:
    assert PUBLISHED.read_text() == published()


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(tariff_schema())
