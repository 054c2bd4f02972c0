"""Send notices as mail over SMTP, one message each, in plain text."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum

from central.domain.notices.notice import Notice, NoticeKind
from central.domain.notices.rule import EndpointKind
from central.service.ports.notices import LeasedDelivery, SendAttempt, SendOutcome

_DETAIL_MAX = 200
PERMANENT = 500
_TITLES = {
    NoticeKind.BILL_ISSUED: "Bill issued",
    NoticeKind.RUN_FINISHED: "Bill run finished",
    NoticeKind.EXCEPTION_OPENED: "Exception opened",
    NoticeKind.ALERT_RAISED: "Alert",
    NoticeKind.DATE_REACHED: "Date reached",
    NoticeKind.ENDPOINT_TEST: "Test of this address",
}


class MailSecurity(StrEnum):
    """How the connection to the mail server is secured."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes mail.

    Args:
        host: Name or address.
        port: Its port.
        sender: Address that mail comes from.
        security: Of the connection.
        user: To sign in as; "" for nobody.
        password: Of the user.
        timeout_s: For the connection and each answer. [s]
    """

    host: str
    port: int
    sender: str
    security: MailSecurity = MailSecurity.STARTTLS
    user: str = ""
    password: str = ""
    timeout_s: float = 15.0


async def send_mail(delivery: LeasedDelivery, at: datetime, server: MailServer) -> SendAttempt:
    """Send a delivery to its address.

    Args:
        delivery: Of an endpoint of mail.
        at: Now, aware.
        server: That takes it.
    """
    endpoint = delivery.endpoint
    message = mail_of(delivery.notice, endpoint.target, server.sender, at)
    if endpoint.kind is EndpointKind.CUSTOMER and delivery.notice.kind is NoticeKind.ALERT_RAISED:
        message.set_content(text_for_customer(delivery.notice))
    return await asyncio.to_thread(_hand_over, message, server)


def mail_of(notice: Notice, recipient: str, sender: str, at: datetime) -> EmailMessage:
    """The message of a notice; sent again, it has the same identifier."""
    message = EmailMessage()
    title = f"{_TITLES[notice.kind]}: {notice.subject}"
    message["Subject"] = "".join(c if c.isprintable() else " " for c in title)[:200]
    message["From"] = sender
    message["To"] = recipient
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{notice.uid}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    facts = [f"{name.replace('_', ' ')}: {value}" for name, value in notice.facts.items()]
    message.set_content("\n".join([title, "", *facts, "", f"Notice {notice.uid}"]) + "\n")
    return message


_MEASURES = {
    "usage": ("What was used", "Lo consumido"),
    "cost": ("What it costs", "Lo que cuesta"),
    "forecast_usage": ("Use at the end of the month, forecast", "Consumo previsto a fin de mes"),
    "forecast_cost": ("Cost at the end of the month, forecast", "Coste previsto a fin de mes"),
}


def text_for_customer(notice: Notice) -> str:
    """What an alert tells whoever pays, in both languages of the pages."""
    facts = notice.facts
    english, spanish = _MEASURES[facts["measure"]]
    account, first, unit = facts["account"], facts["first"], facts["unit"]
    value, threshold = facts["value"], facts["threshold"]
    return (
        f"Account {account}, from {first} on\n{english}: {value} {unit}\n"
        f"The threshold that is set: {threshold} {unit}\n\n"
        f"Cuenta {account}, desde el {first}\n{spanish}: {value} {unit}\n"
        f"El umbral fijado: {threshold} {unit}\n\nNotice {notice.uid}\n"
    )


def _hand_over(message: EmailMessage, server: MailServer) -> SendAttempt:
    connect = smtplib.SMTP_SSL if server.security is MailSecurity.TLS else smtplib.SMTP
    try:
        with connect(server.host, server.port, timeout=server.timeout_s) as smtp:
            if server.security is MailSecurity.STARTTLS:
                smtp.starttls(context=ssl.create_default_context())
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        # The address is wrong, and will be so the next time.
        outcome = SendOutcome.GONE if code >= PERMANENT else SendOutcome.REFUSED
        return SendAttempt(outcome, code, server_text(text))
    except smtplib.SMTPResponseException as error:
        return SendAttempt(SendOutcome.REFUSED, error.smtp_code, server_text(error.smtp_error))
    except (OSError, smtplib.SMTPException) as error:
        detail = f"{type(error).__name__}: {error}"[:_DETAIL_MAX]
        return SendAttempt(SendOutcome.UNREACHABLE, detail=detail)
    return SendAttempt(SendOutcome.TAKEN, 250)


def server_text(text: bytes | str) -> str:
    """What a server said, cut to one printable line."""
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return "".join(c if c.isprintable() else " " for c in plain)[:_DETAIL_MAX]
