"""Renew the certificate well before its end, for as long as the agent runs.

Two thirds of its time are over when the next is asked for: by the clock, or by how long the agent
has had it, since a clock may be set back. What fails is tried again, longer and longer apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import structlog

from edge_agent.clock import Clock
from edge_agent.enrolment.centre import Centre
from edge_agent.enrolment.identity import Identity, Validity
from firmware_bridge.contract.errors import MeterlineError

_log = structlog.get_logger(__name__)
LOOK_EVERY_S: Final = 3600.0
_FIRST_RETRY_S: Final = 60.0
_LAST_RETRY_S: Final = 6 * 3600.0
_DUE_AFTER: Final = 2 / 3
_JITTER: Final = 0.1
_RESTS: Final = 0.1


class Renewal:
    """Keeps a gateway's certificate from ending.

    Args:
        gateway: Whose.
        identity: Its keys.
        centre: Who gives certificates.
        clock: For waiting and for what the time is.
        random: So that gateways that were claimed together do not ask together.
        renewed: Called after each renewal: connect anew.

    Attributes:
        failure: Code of why the last attempt failed; None where it did not.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it stands between
        self,
        gateway: str,
        identity: Identity,
        centre: Centre,
        clock: Clock,
        random: Random,
        renewed: Callable[[], None],
    ) -> None:
        self.failure: str | None = None
        self._gateway = gateway
        self._identity = identity
        self._centre = centre
        self._clock = clock
        self._random = random
        self._renewed = renewed
        self._attempts = 0
        self._begun_at = clock.monotonic()
        self._is_fresh = False
        self._share = self._draw()
        self._validity: Validity | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self.step()
            await self._clock.sleep(self._pause_s())

    async def step(self) -> None:
        """Renew where it is due; what stands in the way is logged, and ends nothing."""
        try:
            if self._validity is None:
                self._validity = await asyncio.to_thread(self._identity.validity)
            if not self._is_due(self._validity):
                return
            await asyncio.to_thread(self._renew)
            self._validity = await asyncio.to_thread(self._identity.validity)
        except MeterlineError as error:
            self._attempts += 1
            if self.failure != error.code or self._attempts == 1:
                _log.error("certificate_not_renewed", code=error.code, reason=str(error))
            self.failure = error.code
            return
        self._attempts, self.failure = 0, None
        self._begun_at, self._share = self._clock.monotonic(), self._draw()
        self._is_fresh = True
        _log.info("certificate_renewed", not_after=self._validity.end.isoformat())
        self._renewed()

    def table(self) -> dict[str, Any] | None:
        """As `status` shows it."""
        if self._validity is None:
            return None
        end: datetime = self._validity.end
        return {"not_after": end.isoformat(), "failure": self.failure}

    def _renew(self) -> None:
        identity = self._identity
        request = identity.request()
        signature = identity.sign_renewal(request)
        given = self._centre.renew(identity.certificate(), request, signature)
        identity.accept(self._gateway, given.certificate, given.broker_ca)

    def _is_due(self, validity: Validity) -> bool:
        spent = validity.length * self._share
        has_it_for = timedelta(seconds=self._clock.monotonic() - self._begun_at)
        # A clock that is far ahead must not ask again and again.
        if self._is_fresh and has_it_for < validity.length * _RESTS:
            return False
        return self._clock.wall() >= validity.begin + spent or has_it_for >= spent

    def _pause_s(self) -> float:
        if self._attempts == 0:
            validity = self._validity
            length_s = LOOK_EVERY_S if validity is None else validity.length.total_seconds()
            return self._random.uniform(0.5, 1.0) * min(LOOK_EVERY_S, length_s / 20)
        bound = min(_FIRST_RETRY_S * 2.0 ** min(self._attempts - 1, 20), _LAST_RETRY_S)
        return self._random.uniform(bound / 2, bound)

    def _draw(self) -> float:
        return _DUE_AFTER - self._random.uniform(0.0, _JITTER)
