"""The list of revoked certificates, as a broker has it.

Source: RFC 5280, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from firmware_bridge.contract.errors import ConfigurationError


class RevocationListError(ConfigurationError):
    """The file is not a list of revoked certificates of the authority."""

    code = "REVOCATION_LIST"
    default_remedy = "Write it anew: `meterline-central gateway revocation-list FILE`."


@dataclass(frozen=True, slots=True)
class RevocationList:
    """What a broker is told.

    Args:
        revoked: When each was revoked, by serial number in hexadecimal digits.
        until: When a broker needs a newer list: with one that has ended it lets nobody in.
    """

    revoked: dict[str, datetime]
    until: datetime

    @classmethod
    def read(cls, file: Path, issuers: Sequence[x509.Certificate]) -> RevocationList:
        """Read a list in PEM, and check who signed it.

        Args:
            file: The list.
            issuers: Authorities whose list it may be; none where nobody can say.

        Raises:
            RevocationListError: It cannot be read, or another signed it.
        """
        try:
            listed = x509.load_pem_x509_crl(file.read_bytes())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not one in PEM"
            message = f"{file} cannot be used as a list of revoked certificates: {reason}."
            raise RevocationListError(message, value=str(file)) from error
        keys = [issuer.public_key() for issuer in issuers]
        if keys and not any(listed.is_signature_valid(key) for key in keys):  # type: ignore[arg-type]
            message = f"{file} is not signed by the authority of the settings."
            raise RevocationListError(message, value=str(file))
        until = listed.next_update_utc
        if until is None:
            message = f"{file} does not say until when it holds."
            raise RevocationListError(message, value=str(file))
        revoked = {f"{each.serial_number:x}": each.revocation_date_utc for each in listed}
        return cls(revoked, until)
