"""Send to an endpoint as its kind says."""

from __future__ import annotations

from datetime import datetime

from central.adapters.notices.mail import MailServer, send_mail
from central.adapters.notices.webhook import send_webhook
from central.domain.notices.rule import EndpointKind
from central.service.ports.notices import LeasedDelivery, SendAttempt, SendOutcome

NO_SERVER = "No mail server is set: METERLINE_SMTP_HOST and METERLINE_SMTP_SENDER."

NO_ADDRESS = "The account has no mail address for its invoices."


class EndpointSender:
    """`NoticeSender`.

    Args:
        mail: The server that takes mail; None where none is set.
    """

    def __init__(self, mail: MailServer | None) -> None:
        self._mail = mail

    async def __call__(self, delivery: LeasedDelivery, at: datetime) -> SendAttempt:
        """See `NoticeSender`."""
        if delivery.endpoint.kind is EndpointKind.WEBHOOK:
            return await send_webhook(delivery, at)
        if not delivery.endpoint.target:
            return SendAttempt(SendOutcome.GONE, detail=NO_ADDRESS)
        if self._mail is None:
            return SendAttempt(SendOutcome.UNREACHABLE, detail=NO_SERVER)
        return await send_mail(delivery, at, self._mail)
