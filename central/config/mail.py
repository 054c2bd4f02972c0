"""The server that takes mail, from the environment (`METERLINE_SMTP_...`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from central.config.secret import FiledSettings


class MailSettings(FiledSettings):
    """The server that takes mail; without a host and a sender nobody is sent any.

    Args:
        smtp_host: Name or address of the server.
        smtp_port: Its TCP port.
        smtp_sender: Address that mail comes from.
        smtp_security: How the connection is secured: `none`, `starttls` or `tls`.
        smtp_user: To sign in as; nobody where it is empty.
        smtp_password: Of that user.
        portal_url: Below which accounts see their invoices, for mails that link there.
    """

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_sender: str = ""
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    portal_url: str = ""
