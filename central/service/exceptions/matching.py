"""Choose exceptions by what they are: all that match, counted before anything is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from central.domain.vee.finding import Severity
from central.service.exceptions.actions import BULK_MOST
from central.service.ports.exceptions import (
    ExceptionFilter,
    ExceptionKey,
    ExceptionKind,
    ExceptionStore,
    NoSuchExceptionError,
)
from central.service.views.paging import MAX_LIMIT
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

NOBODY = "nobody"
_NAMES = ("kind", "severity", "code", "owner", "subject", "older")
_DAYS_MOST = 36_500


class OthersMatchError(OperatorError):
    """Not as many exceptions match as whoever decides saw."""

    code = "OTHERS_MATCH"
    default_remedy = "Look at them again, with a preview."


async def matching_keys(
    store: ExceptionStore, asked: ExceptionFilter, expected: int | None = None
) -> list[ExceptionKey]:
    """The exceptions that match a filter, the oldest first.

    Args:
        store: The queue.
        asked: What they are; it says one thing at least.
        expected: How many there are to be; None where nobody counted them.

    Raises:
        InvalidValueError: The filter says nothing.
        NoSuchExceptionError: None matches, or more than one decision may be about.
        OthersMatchError: It is another number than expected.
    """
    if replace(asked, shown_on=None) == ExceptionFilter():
        remedy = "Say a kind, severity, code, owner, subject or age."
        raise InvalidValueError("The filter matches whatever waits.", remedy=remedy)
    keys: list[ExceptionKey] = []
    after: str | None = None
    while len(keys) <= BULK_MOST:
        page = await store.page(asked, after, MAX_LIMIT)
        keys += [row.key for row in page.rows]
        after = page.after
        if after is None:
            break
    if len(keys) > BULK_MOST:
        message = f"More than {BULK_MOST} exceptions match."
        remedy = "Narrow the filter, such as by code, subject or age."
        raise NoSuchExceptionError(message, value=len(keys), remedy=remedy)
    if not keys:
        raise NoSuchExceptionError("Nothing that waits matches.")
    if expected is not None and len(keys) != expected:
        message = f"{len(keys)} exceptions match, and not {expected}."
        raise OthersMatchError(message, value=len(keys))
    return keys


def filter_of(texts: list[str], now: datetime) -> ExceptionFilter:
    """A filter as people write it: `code=SPIKE`, `older=3`.

    Args:
        texts: Each a name and a value; `kind` may come several times.
        now: From which days are counted back. Aware.

    Raises:
        InvalidValueError: One says nothing that a filter has.
    """
    asked = ExceptionFilter(shown_on=now.date())
    for text in texts:
        name, _, value = text.partition("=")
        if name not in _NAMES or not value:
            remedy = f"Write NAME=VALUE, with a name of {', '.join(_NAMES)}."
            raise InvalidValueError(f"{text!r} is not a filter.", value=text, remedy=remedy)
        try:
            asked = _with(asked, name, value, now)
        except ValueError:
            raise InvalidValueError(f"{value!r} is not a {name}.", value=text) from None
    return asked


def _with(asked: ExceptionFilter, name: str, value: str, now: datetime) -> ExceptionFilter:
    if name == "kind":
        return replace(asked, kinds=(*asked.kinds, ExceptionKind(value)))
    if name == "severity":
        return replace(asked, severity=Severity(value))
    if name == "owner":
        return replace(asked, owner="" if value == NOBODY else value)
    if name == "older":
        days = int(value)
        if not 0 <= days <= _DAYS_MOST:
            raise ValueError(value)
        return replace(asked, raised_before=now - timedelta(days=days))
    return replace(asked, code=value) if name == "code" else replace(asked, subject=value)
