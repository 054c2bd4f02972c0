"""Write down endpoints and rules of notices, exchange secrets, and send again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from central.domain.actor import Actor
from central.domain.notices.rule import (
    EndpointKind,
    NoticeEndpoint,
    NoticeRule,
    check_name,
)
from central.domain.notices.signature import SECRET_BYTES, secret_text
from central.service.ports.decisions import DecisionNote
from central.service.ports.notices import (
    Delivery,
    EndpointVersion,
    NoSuchDeliveryError,
    NoSuchEndpointError,
    NoticeStore,
    NoticeTransaction,
)
from central.service.registry.tariff_revisions import need_reason
from firmware_bridge.contract.errors import InvalidValueError

BESIDE = timedelta(hours=24)
"""How long an exchanged secret goes on signing beside the new one."""

BESIDE_MAX = timedelta(days=30)


class Notices:
    """The use-cases.

    Args:
        store: Where notices are kept.
        clock: Now, aware.
        key: Makes the key of a secret.
    """

    def __init__(
        self,
        store: NoticeStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        key: Callable[[], bytes] = lambda: secrets.token_bytes(SECRET_BYTES),
    ) -> None:
        self.store = store
        self._clock = clock
        self._key = key

    async def set_endpoint(
        self, name: str, endpoint: NoticeEndpoint, actor: Actor, reason: str
    ) -> tuple[int, str | None]:
        """Write an endpoint down, or another version of it.

        Returns:
            Which version holds, and the secret of a new webhook, which is shown only here.

        Raises:
            InvalidValueError: There is no reason, or the name is none.
        """
        need_reason(reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self.store.transaction(note.at) as work:
            before = await work.endpoint(check_name(name))
            if before is not None and before.endpoint == endpoint:
                return before.version, None
            version = await work.add_endpoint(name, endpoint, note)
            was_webhook = before is not None and before.secrets
            if endpoint.kind is not EndpointKind.WEBHOOK or was_webhook:
                return version, None
            secret = secret_text(self._key())
            await work.add_secret(name, secret, note, note.at)
            return version, secret

    async def exchange_secret(
        self, name: str, actor: Actor, reason: str, beside: timedelta = BESIDE
    ) -> str:
        """Give a webhook another secret; those there are go on signing for a while.

        Returns:
            The secret, which is shown only here.

        Raises:
            NoSuchEndpointError: There is no such webhook.
            InvalidValueError: There is no reason, or the time is out of range.
        """
        need_reason(reason)
        if not timedelta(0) <= beside <= BESIDE_MAX:
            message = f"{beside} is not between 0 and {BESIDE_MAX.days} days."
            raise InvalidValueError(message, value=str(beside))
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self.store.transaction(note.at) as work:
            version = await _endpoint(work, name)
            if version.endpoint.kind is not EndpointKind.WEBHOOK:
                message = f"{name} is no webhook: mail bears no signature of a secret."
                raise NoSuchEndpointError(message, value=name)
            secret = secret_text(self._key())
            await work.add_secret(name, secret, note, note.at + beside)
            return secret

    async def set_rule(
        self, name: str, rule: NoticeRule, actor: Actor, reason: str
    ) -> tuple[int, bool]:
        """Write a rule down, or another version of it.

        Returns:
            Which version holds, and whether it is new.

        Raises:
            InvalidValueError: There is no reason, or the name is none.
            NoSuchEndpointError: There is no such endpoint.
        """
        need_reason(reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self.store.transaction(note.at) as work:
            await _endpoint(work, rule.endpoint)
            before = await work.rule(check_name(name))
            if before is not None and before.rule == rule:
                return before.version, False
            return await work.add_rule(name, rule, note), True

    async def test(self, endpoint: str, actor: Actor) -> UUID:
        """Have a notice sent that says nothing but that the endpoint is tried.

        Raises:
            NoSuchEndpointError: There is no such endpoint.
        """
        note = DecisionNote(actor, "", self._clock())
        async with self.store.transaction(note.at) as work:
            await _endpoint(work, endpoint)
            return await work.test(endpoint, note)

    async def resend(self, delivery: UUID, actor: Actor, reason: str) -> UUID:
        """Have a notice sent to its endpoint once more, under its identifier.

        Raises:
            NoSuchDeliveryError: There is no such delivery.
            InvalidValueError: There is no reason.
        """
        need_reason(reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self.store.transaction(note.at) as work:
            return await work.again(delivery, note)

    async def delivery(self, uid: UUID) -> Delivery:
        """A delivery with every attempt.

        Raises:
            NoSuchDeliveryError: There is none.
        """
        delivery = await self.store.delivery(uid)
        if delivery is None:
            raise no_such_delivery(uid)
        return delivery

    def now(self) -> datetime:
        """The present."""
        return self._clock()


def no_such_delivery(uid: UUID) -> NoSuchDeliveryError:
    """The error for a delivery that is not there."""
    return NoSuchDeliveryError(f"There is no delivery {uid}.", value=str(uid))


async def _endpoint(work: NoticeTransaction, name: str) -> EndpointVersion:
    version = await work.endpoint(name)
    if version is None:
        raise NoSuchEndpointError(f"There is no endpoint {name!r}.", value=name)
    return version
