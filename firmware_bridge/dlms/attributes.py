"""Attributes of COSEM objects: which is the value, and which says its scaler and unit.

How it works: a list names what it sends by class, code and attribute. All attributes of a register
bear the register's code, so its capture time or status would be energy if the code alone decided.
A class that is not here has no attribute that is a value: of a load profile, say, the number of its
entries is none. The last average of a demand register is none either, since it bears the code of
the current one.

Source: DLMS UA Blue Book 12, 4.3 and 4.5.
"""
# ruff: noqa: PLR2004 - numbers of classes and attributes

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from firmware_bridge.contract.obis import Obis
from firmware_bridge.dlms.axdr import Descriptor, Node, Tag

_DATA, _REGISTER, _EXTENDED, _DEMAND, _CLOCK = 1, 3, 4, 5, 8
_VALUE = 2
_WITH_VALUE = frozenset({_DATA, _REGISTER, _EXTENDED, _DEMAND, _CLOCK})
# Where a class keeps scaler and unit.
_SCALE = {_REGISTER: 3, _EXTENDED: 3, _DEMAND: 4}


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list.

    Args:
        obis: Its code; None for a bare text that names the list.
        node: Its value.
        scaler: Power of ten, where the list says it.
        unit: Number of the unit, where the list says it. Source: IEC 62056-6-2, table 4.
        source: The attribute that it is, where the list says it.
        doubt: Why nobody knows its scale; empty where somebody does, or there is none to know.
    """

    obis: Obis | None
    node: Node
    scaler: int | None = None
    unit: int | None = None
    source: Descriptor | None = None
    doubt: str = ""


def scale_of(node: Node) -> tuple[int, int] | None:
    """Scaler and unit of `structure(2) { integer, enum }`; None for anything else."""
    if node.tag is not Tag.STRUCTURE or len(node.items) != 2:
        return None
    scaler, unit = node.items
    if scaler.tag is not Tag.INT8 or unit.tag is not Tag.ENUM:
        return None
    power, number = scaler.value, unit.value
    return (power, number) if isinstance(power, int) and isinstance(number, int) else None


def by_object(items: Iterable[Item]) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """What a list sends of each object, put together.

    Args:
        items: Of the list, in order.

    Returns:
        Its values, with the scaler and unit that another entry says of them, and its other
        attributes, which are no values; both in order.
    """
    entries = tuple(items)
    scales: dict[tuple[int, bytes], set[tuple[int, int] | None]] = {}
    for item in entries:
        if item.source is not None and _is_scale(item.source):
            scales.setdefault(_object(item.source), set()).add(scale_of(item.node))
    values, others = [], []
    for item in entries:
        source = item.source
        if source is None:
            values.append(item)
        elif _is_value(source):
            values.append(_scaled(item, scales.get(_object(source), set())))
        elif not _is_scale(source):
            others.append(item)
    return tuple(values), tuple(others)


def _scaled(item: Item, scales: set[tuple[int, int] | None]) -> Item:
    if not scales:
        return item
    own = None if item.scaler is None or item.unit is None else (item.scaler, item.unit)
    scale = next(iter(scales))
    if scale is None or len(scales | ({own} if own else set())) > 1:
        doubt = f"the scaler and unit of {item.obis} have an unknown form or occur twice"
        return replace(item, doubt=doubt)
    return replace(item, scaler=scale[0], unit=scale[1])


def _object(source: Descriptor) -> tuple[int, bytes]:
    return source.class_id, source.instance


def _is_value(source: Descriptor) -> bool:
    return source.attribute == _VALUE and source.class_id in _WITH_VALUE


def _is_scale(source: Descriptor) -> bool:
    return source.attribute == _SCALE.get(source.class_id)
