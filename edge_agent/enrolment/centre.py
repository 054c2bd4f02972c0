"""Asks the centre for certificates, over HTTPS.

Blocking, for a thread: the standard library's client needs nothing that a gateway lacks.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Final

from edge_agent.config.identity import IdentitySettings
from edge_agent.enrolment.errors import (
    CentreAnswerError,
    CentreRefusedError,
    CentreUnavailableError,
)
from firmware_bridge.contract.enrolment import CLAIM_PATH, RENEW_PATH
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.plain_text import plain
from firmware_bridge.contract.topics import check_gateway

TIMEOUT_S: Final = 30.0
_ANSWER_MAX_BYTES: Final = 256 * 1024
_TEXT_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class GivenCertificate:
    """What the centre gave.

    Args:
        gateway: Whose.
        certificate: With its chain, in PEM.
        broker_ca: Whom to trust at the broker, in PEM.
        brokers: Addresses.
    """

    gateway: str
    certificate: str
    broker_ca: str
    brokers: tuple[str, ...]


class Centre:
    """The centre, as a device reaches it that is not admitted to the broker yet.

    Args:
        settings: Where it is, and whom to trust there.
    """

    def __init__(self, settings: IdentitySettings) -> None:
        self._settings = settings

    def claim(
        self, code: str, request: str, gateway: str | None, signing: tuple[str, bytes]
    ) -> GivenCertificate:
        """Claim a name.

        Args:
            code: The claim code.
            request: For a certificate.
            gateway: For whom the device is configured already; None where it is not.
            signing: The public key that batches are signed with, and its signature of the request.

        Raises:
            CentreUnavailableError: Ask again, with the same key.
            CentreRefusedError, CentreAnswerError: As they say.
        """
        order = {"code": code, "request": request, "signing_key": signing[0]}
        order["signing_proof"] = signing[1].hex()
        if gateway is not None:
            order["gateway"] = gateway
        return self._ask(CLAIM_PATH, order)

    def renew(self, certificate: str, request: str, signature: bytes) -> GivenCertificate:
        """Renew a certificate.

        Raises:
            As `claim`.
        """
        order = {"certificate": certificate, "request": request, "signature": signature.hex()}
        return self._ask(RENEW_PATH, order)

    def _ask(self, path: str, order: dict[str, str]) -> GivenCertificate:
        url = f"{self._settings.centre}{path}"
        request = urllib.request.Request(  # noqa: S310 - the settings take https and loopback alone
            url,
            json.dumps(order).encode(),
            {"Content-Type": "application/json", "Accept": "application/json"},
        )
        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file)
            opener = urllib.request.build_opener(
                urllib.request.HTTPSHandler(context=context), _NoRedirect()
            )
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                body = answer.read(_ANSWER_MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, HTTPException) as error:
            message = f"The centre at {self._settings.centre} does not answer: {error}."
            raise CentreUnavailableError(message, value=self._settings.centre) from error
        return _given(body)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A claim code is not carried to another address."""

    def redirect_request(self, *_arguments: object, **_named: object) -> None:
        """Follow none."""


def _refusal(error: urllib.error.HTTPError) -> CentreRefusedError | CentreUnavailableError:
    try:
        document = json.loads(error.read(_ANSWER_MAX_BYTES))
        code, detail = str(document["code"]), str(document["detail"])
        remedy = document.get("remedy")
    except (ValueError, TypeError, KeyError, OSError):
        code, detail, remedy = str(error.code), f"The centre answered {error.code}.", None
    message = f"{plain(code, _TEXT_MAX)}: {plain(detail, _TEXT_MAX)}"
    is_passing = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code in {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.REQUEST_TIMEOUT,
    }
    kind = CentreUnavailableError if is_passing else CentreRefusedError
    advice = None if remedy is None else plain(str(remedy), _TEXT_MAX)
    return kind(message, value=code, remedy=advice)


def _given(body: bytes) -> GivenCertificate:
    try:
        document = json.loads(body) if len(body) <= _ANSWER_MAX_BYTES else {}
        texts = [_ascii(document[name]) for name in ("gateway", "certificate", "broker_ca")]
        brokers = tuple(map(_ascii, document["brokers"]))
        return GivenCertificate(check_gateway(texts[0]), texts[1], texts[2], brokers)
    except (ValueError, TypeError, KeyError, InvalidValueError) as error:
        message = "The centre's answer is not one to a claim or a renewal."
        raise CentreAnswerError(message) from error


def _ascii(text: object) -> str:
    if not isinstance(text, str) or not text.isascii():
        raise TypeError(text)
    return text
