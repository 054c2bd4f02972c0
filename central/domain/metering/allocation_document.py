"""The document of an allocation: whose share in a channel is how much, from which day on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from central.domain.metering.allocation import SHARE_DIGITS
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.obis import Obis

ALLOCATED_GROUP = 65
"""Group B of what is shared out, the first of the utility's own: no meter counts it."""
_LAST_GROUP = 127
_MOST_POINTS = 5_000
_SHARE = re.compile(rf"[01](?:\.\d{{1,{SHARE_DIGITS}}})?", re.ASCII)
_NAMES = frozenset({"source", "counts", "from", "shares", "remainder", "as"})


class AllocationRefusedError(OperatorError):
    """A document says no allocation."""

    code = "ALLOCATION_REFUSED"
    default_remedy = "Correct the document; docs/reference/allocations.md shows one."


@dataclass(frozen=True, slots=True)
class AllocationDocument:
    """An allocation as somebody enters it.

    Args:
        source: Service point of what is shared out.
        counts: What it counts there; None for the only one.
        effective: The first local day.
        shares: By service point; they sum to one, or there is none.
        remainder: The point among them that has what the others leave; None where it is nothing.
        counted_as: What the shares count at their points; None for the source's code with the first
            group of the utility's own.
    """

    source: str
    counts: Obis | None
    effective: date
    shares: Mapping[str, Fraction]
    remainder: str | None = None
    counted_as: Obis | None = None

    def obis(self, source: Obis) -> Obis:
        """What the shares count, of what the source counts."""
        a, _, c, d, e, f = source.code
        return self.counted_as or Obis(bytes((a, ALLOCATED_GROUP, c, d, e, f)))


def allocation_of(node: object) -> AllocationDocument:
    """Read a document's content: mappings and texts.

    Raises:
        AllocationRefusedError: It names the fault.
    """
    if not isinstance(node, dict):
        raise _refused("The document has no `source`, `from` and `shares`.")
    if unknown := sorted(set(map(str, node)) - _NAMES):
        raise _refused(f"{unknown[0]!r} is not a name of an allocation.", unknown[0])
    source = _text(node, "source")
    shares = node.get("shares") or {}
    if not isinstance(shares, dict) or len(shares) > _MOST_POINTS:
        raise _refused(f"`shares` is not a mapping of at most {_MOST_POINTS} points.")
    given = {str(point): _share(str(point), share) for point, share in shares.items()}
    return AllocationDocument(
        source,
        _obis(node, "counts"),
        _day(_text(node, "from")),
        *_whole(given, node.get("remainder")),
        _own_code(_obis(node, "as")),
    )


def _whole(given: dict[str, Fraction], remainder: object) -> tuple[dict[str, Fraction], str | None]:
    """The shares with what they leave, which has a name."""
    total = sum(given.values(), Fraction(0))
    name = None if remainder is None else str(remainder)
    if total > 1:
        raise _refused(
            f"The shares sum to {share_text(total)}, which is more than 1.", share_text(total)
        )
    if name is None:
        if given and total < 1:
            message = f"The shares sum to {share_text(total)}; nobody has what is left of 1."
            raise AllocationRefusedError(
                message,
                value=share_text(total),
                remedy="Name the point that has it as `remainder`.",
            )
        return given, None
    if name in given:
        raise _refused(f"{name} has a share and the remainder.", name)
    if total == 1:
        raise _refused(f"The shares sum to 1; nothing is left for {name}.", name)
    return {**given, name: 1 - total}, name


def share_text(share: Fraction) -> str:
    """A share, or a sum of some, as a decimal."""
    return format(Decimal(int(share * 10**SHARE_DIGITS)).scaleb(-SHARE_DIGITS).normalize(), "f")


def _share(point: str, text: object) -> Fraction:
    if not isinstance(text, str) or _SHARE.fullmatch(text) is None or Fraction(text) > 1:
        message = (
            f"The share {text!r} of {point} is not a decimal from 0 to 1"
            f" of at most {SHARE_DIGITS} digits."
        )
        raise _refused(message, text)
    return Fraction(text)


def _own_code(obis: Obis | None) -> Obis | None:
    if obis is not None and not ALLOCATED_GROUP <= obis.code[1] <= _LAST_GROUP:
        message = f"{obis} may be counted by a meter; of a share the second group is 65 to 127."
        raise _refused(message, str(obis))
    return obis


def _obis(node: Mapping[str, object], name: str) -> Obis | None:
    if node.get(name) is None:
        return None
    try:
        return Obis.parse(_text(node, name))
    except InvalidValueError as error:
        raise _refused(f"`{name}`: {error}") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _refused(f"`from`: {text!r} is not a date such as 2026-11-01.", text) from None


def _text(node: Mapping[str, object], name: str) -> str:
    value = node.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _refused(f"The document says no `{name}`.", name)
    return value.strip()


def _refused(message: str, value: object = None) -> AllocationRefusedError:
    return AllocationRefusedError(message, value=value)
