"""Reads and facts of a move, as people write them: `NAME=VALUE`, one a text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, spelled
from central.service.moves.requests import GivenRead, given_read
from firmware_bridge.contract.errors import InvalidValueError


def written_reads(texts: Sequence[str]) -> tuple[GivenRead, ...]:
    """What registers showed, such as `1.8.0=1234.5`. [kWh, m3].

    Raises:
        InvalidValueError: A text is not NAME=VALUE, no register, or no number.
    """
    return tuple(given_read(*_pair(text)) for text in texts)


def written_facts(texts: Sequence[str], first: date) -> AgreementFacts:
    """What a tariff needs to know from a day on, such as `contracted_kw=5`.

    Raises:
        InvalidValueError: A text is not NAME=VALUE.
    """
    pairs = map(_pair, texts)
    return AgreementFacts(tuple(Fact(name, spelled(value), first) for name, value in pairs))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        message = f"{text!r} is not NAME=VALUE."
        raise InvalidValueError(message, value=text)
    return name, value
