"""The code by which a phone fills in a credit transfer: European Payments Council, EPC069-12.

Version 002, character set UTF-8: at most 331 bytes, an amount of 0.01 to 999999999.99 EUR.
"""

from __future__ import annotations

import re
from decimal import Decimal

from central.domain.billing.invoice_terms import PaymentMeans
from firmware_bridge.contract.errors import OperatorError

_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_CHECK = 97
_NAME_MAX, _TEXT_MAX = 70, 140
_LEAST, _MOST = Decimal("0.01"), Decimal("999999999.99")


class PaymentMeansError(OperatorError):
    """An account to pay to is not written as the banks write it."""

    code = "PAYMENT_MEANS"
    default_remedy = "Copy the IBAN and BIC from a statement of the bank."


def read_iban(text: str) -> str:
    """An IBAN without blanks, in capitals.

    Raises:
        PaymentMeansError: It is none, or a digit is wrong.

    Source: ISO 13616, check digits by ISO 7064 MOD 97-10
    """
    iban = "".join(text.split()).upper()
    moved = iban[4:] + iban[:4]
    if not _IBAN.fullmatch(iban) or int("".join(str(int(c, 36)) for c in moved)) % _CHECK != 1:
        message = f"{text!r} is no IBAN, or a digit of it is wrong."
        raise PaymentMeansError(message, value=text)
    return iban


def read_bic(text: str) -> str:
    """A BIC in capitals; "" stays so.

    Raises:
        PaymentMeansError: It is none.
    """
    bic = text.strip().upper()
    if bic and not _BIC.fullmatch(bic):
        message = f"{text!r} is no BIC."
        raise PaymentMeansError(message, value=text)
    return bic


def printed_iban(iban: str) -> str:
    """An IBAN as it is printed, in groups of four."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def payment_code(
    means: PaymentMeans, seller: str, amount: Decimal, currency: str, text: str
) -> str | None:
    """What the code says; None where there is none of such an amount or currency.

    Args:
        means: Where to pay.
        seller: Whose the account is, where it says no other.
        amount: What is due. [currency]
        currency: ISO 4217 letters.
        text: What the payment says, such as the invoice's number.
    """
    if means.qr != "epc" or currency != "EUR" or not _LEAST <= amount <= _MOST:
        return None
    holder = (means.holder or seller)[:_NAME_MAX]
    # Purpose and structured reference stay empty.
    members = ["BCD", "002", "1", "SCT", means.bic, holder, means.iban, f"EUR{amount:.2f}", "", ""]
    return "\n".join([*members, text[:_TEXT_MAX]])
