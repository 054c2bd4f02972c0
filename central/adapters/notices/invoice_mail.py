"""Hand invoices to a mail server, and say how far it got when the connection breaks."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from central.adapters.notices.mail import PERMANENT, MailSecurity, MailServer, server_text
from central.service.ports.invoicing import HandOver, InvoiceMail

NO_SERVER = "No mail server is set: METERLINE_SMTP_HOST and METERLINE_SMTP_SENDER."
_DETAIL_MAX = 200
_TAKEN, _REFUSED = 250, 400
"""Answers of RFC 5321, section 4.2."""


class InvoiceMailer:
    """`SendInvoiceMail`.

    Args:
        server: That takes mail; None where none is set.
    """

    def __init__(self, server: MailServer | None) -> None:
        self._server = server

    async def __call__(self, mail: InvoiceMail, at: datetime) -> tuple[HandOver, str]:
        """See `SendInvoiceMail`."""
        if self._server is None:
            return HandOver.REFUSED, NO_SERVER
        message = message_of(mail, self._server.sender, at)
        return await asyncio.to_thread(_hand_over, message, self._server)


def message_of(mail: InvoiceMail, sender: str, at: datetime) -> EmailMessage:
    """The message of a mail; handed over again, it has the same identifier."""
    message = EmailMessage()
    message["Subject"] = "".join(c if c.isprintable() else " " for c in mail.subject)[:200]
    message["From"] = sender
    message["To"] = mail.recipient
    message["Date"] = format_datetime(at)
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.content:
        message.add_attachment(
            mail.content, maintype="application", subtype="pdf", filename=mail.file_name
        )
    return message


def _hand_over(message: EmailMessage, server: MailServer) -> tuple[HandOver, str]:
    under_way = False
    connect = smtplib.SMTP_SSL if server.security is MailSecurity.TLS else smtplib.SMTP
    try:
        smtp = connect(server.host, server.port, timeout=server.timeout_s)
        try:
            if server.security is MailSecurity.STARTTLS:
                smtp.starttls(context=ssl.create_default_context())
            if server.user:
                smtp.login(server.user, server.password)
            smtp.ehlo_or_helo_if_needed()
            for code, text in (smtp.mail(server.sender), smtp.rcpt(message["To"])):
                if code >= _REFUSED:
                    return _refused(code, text)
            under_way = True
            code, text = smtp.data(message.as_bytes(policy=policy.SMTP))
            under_way = False
            return (HandOver.TAKEN, server_text(text)) if code == _TAKEN else _refused(code, text)
        finally:
            smtp.close()
    except smtplib.SMTPResponseException as error:
        return _refused(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        detail = f"{type(error).__name__}: {error}"[:_DETAIL_MAX]
        return (HandOver.UNCLEAR if under_way else HandOver.REFUSED), detail


def _refused(code: int, text: bytes | str) -> tuple[HandOver, str]:
    handed = HandOver.BOUNCED if code >= PERMANENT else HandOver.REFUSED
    return handed, f"{code} {server_text(text)}"
