"""Send notices as webhooks: one POST, no redirect, an answer of 2xx takes it.

Source: https://www.standardwebhooks.com, version 1.0.0
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from central.domain.notices.signature import signed_headers
from central.service.ports.notices import LeasedDelivery, SendAttempt, SendOutcome

TIMEOUT_S = 15.0
"""For the connection, and for each read of the answer. [s]"""

_ANSWER_MAX = 2_000
_DETAIL_MAX = 200
_WAIT_MAX_S = 86_400
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


async def send_webhook(
    delivery: LeasedDelivery, at: datetime, *, timeout_s: float = TIMEOUT_S
) -> SendAttempt:
    """Send a delivery to its URL, signed.

    Args:
        delivery: With at least one secret.
        at: Now, aware: the timestamp that is signed.
        timeout_s: For the connection, and for each read. [s]
    """
    body = json.dumps(delivery.notice.to_json(), separators=(",", ":"), ensure_ascii=False)
    packed = body.encode()
    notice_id = str(delivery.notice.uid)
    headers = {
        "content-type": "application/json",
        "user-agent": "meterline",
        **signed_headers(delivery.secrets, notice_id, int(at.timestamp()), packed),
    }
    return await asyncio.to_thread(_post, delivery.endpoint.target, packed, headers, timeout_s)


def _post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> SendAttempt:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname or ""
    connection = (
        HTTPSConnection(host, parts.port, timeout=timeout_s, context=ssl.create_default_context())
        if parts.scheme == "https"
        else HTTPConnection(host, parts.port, timeout=timeout_s)
    )
    try:
        connection.request("POST", target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        text = answer.read(_ANSWER_MAX).decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError) as error:
        return SendAttempt(SendOutcome.UNREACHABLE, detail=f"{type(error).__name__}: {error}"[:200])
    finally:
        connection.close()
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return SendAttempt(SendOutcome.TAKEN, status)
    outcome = SendOutcome.GONE if status == HTTPStatus.GONE else SendOutcome.REFUSED
    asked = _seconds(answer.getheader("retry-after")) if status in _BUSY else None
    detail = " ".join(f"{answer.reason} {text}".split())[:_DETAIL_MAX]
    return SendAttempt(outcome, status, _plain(detail), asked)


def _seconds(header: str | None) -> int | None:
    """What `Retry-After` says; a date, or nonsense, is nothing."""
    if header is None or not header.isascii() or not header.isdecimal():
        return None
    return min(int(header[:9]), _WAIT_MAX_S)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
