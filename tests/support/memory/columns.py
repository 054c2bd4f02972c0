"""What a database's columns cannot hold, refused by the stores in memory as well."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass

from central.service.ports.ingest import PoisonError
from firmware_bridge.contract.plain_text import storable
from firmware_bridge.contract.quantity import INT64_MAX, INT64_MIN

_NO_SUCH_CHARACTER = "22021"
_OUT_OF_RANGE = "22003"


def check(*values: object) -> None:
    """Refuse text with NUL or an unpaired surrogate, and integers beyond bigint, however deep.

    Raises:
        PoisonError: As a database would say it.
    """
    for value in values:
        _check(value)


def _check(value: object) -> None:
    if isinstance(value, str):
        if not storable(value):
            message = f"The text {value!r} holds what no column can."
            raise PoisonError(message, value=_NO_SUCH_CHARACTER)
    elif isinstance(value, int):
        if not INT64_MIN <= value <= INT64_MAX:
            message = f"The number {value} is beyond bigint."
            raise PoisonError(message, value=_OUT_OF_RANGE)
    elif isinstance(value, Mapping):
        check(*value.keys(), *value.values())
    elif isinstance(value, list | tuple | AbstractSet):
        check(*value)
    elif is_dataclass(value):
        check(*(getattr(value, field.name) for field in fields(value)))
