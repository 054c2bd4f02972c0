"""What the seller, an account and a service point say of their invoices, before one is issued.

At issue it becomes the bill's `InvoiceTerms` and language; later changes reach no issued bill.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from central.domain.billing.billing_settings import LOCALES, TEXT_MAX
from central.domain.billing.document_template import ENGLISH, WITHOUT_TERMS
from central.domain.billing.invoice_terms import InvoiceTerms, PartyTerms, PaymentMeans, SupplyTerms
from central.domain.billing.issue import IssueFacts
from central.domain.billing.payment_code import read_bic, read_iban
from central.domain.billing.printable import unprintable_holds
from central.domain.billing.supply_code import read_supply_code
from firmware_bridge.contract.errors import OperatorError

_COUNTRY = re.compile(r"[A-Z]{2}")
_MAIL = re.compile(r"[^@\s,;<>]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_QR = frozenset({"", "epc"})
_MEMBER_MAX = 140


class InvoicingError(OperatorError):
    """What is said of invoices is not valid."""

    code = "INVOICING"
    default_remedy = "Correct the value; `invoicing show` lists what holds."


class TermsOf(StrEnum):
    """Of whom terms are. Stored: never renamed."""

    SELLER = "seller"
    ACCOUNT = "account"
    POINT = "point"


class DeliveryChannel(StrEnum):
    """How an account gets its invoices. Stored: never renamed."""

    NONE = ""
    """Nobody sends them."""
    EMAIL = "email"
    PORTAL = "portal"
    PRINT = "print"


def _checked_party(party: PartyTerms) -> None:
    if party.country and not _COUNTRY.fullmatch(party.country):
        message = f"{party.country!r} is no country."
        raise InvoicingError(message, value=party.country, remedy="Use two letters, such as ES.")
    for name, text in party._asdict().items():
        _check_text(name, text, _MEMBER_MAX)


def _check_text(what: str, text: str, longest: int) -> None:
    if len(text) > longest:
        message = f"The {what.replace('_', ' ')} has {len(text)} characters."
        raise InvoicingError(message, value=len(text), remedy=f"Use {longest} at most.")
    for hold in unprintable_holds([(what.replace("_", " "), text)]):
        raise InvoicingError(hold.message, value=text, remedy="Replace these characters.")


@dataclass(frozen=True, slots=True)
class SellerInvoicing:
    """Of who charges.

    Args:
        party: What the law asks beside name and address.
        iban: Where buyers pay; "" for none.
        bic: Of the bank.
        holder: Whose the account is; "" for the seller's.
        qr: Code that a phone pays by: `epc`, or "".
        complaint_text: Where the buyer complains.
        switching_text: How the buyer changes to another seller.

    Raises:
        InvoicingError: One of them is not valid.
        PaymentMeansError: IBAN or BIC is none.
    """

    party: PartyTerms = field(default_factory=PartyTerms)
    iban: str = ""
    bic: str = ""
    holder: str = ""
    qr: str = ""
    complaint_text: str = ""
    switching_text: str = ""

    def __post_init__(self) -> None:
        _checked_party(self.party)
        if self.iban:
            object.__setattr__(self, "iban", read_iban(self.iban))
        object.__setattr__(self, "bic", read_bic(self.bic))
        if self.qr not in _QR:
            message = f"There is no payment code {self.qr!r}."
            raise InvoicingError(message, value=self.qr, remedy="Use epc, or none.")
        _check_text("holder", self.holder, _MEMBER_MAX)
        _check_text("complaint_text", self.complaint_text, TEXT_MAX)
        _check_text("switching_text", self.switching_text, TEXT_MAX)

    @property
    def payment(self) -> PaymentMeans | None:
        """Where buyers pay."""
        if not self.iban:
            return None
        return PaymentMeans(self.iban, self.bic, self.holder, self.qr)


@dataclass(frozen=True, slots=True)
class AccountInvoicing:
    """Of who is charged.

    Args:
        party: What the law asks beside name and address.
        language: Of the documents; "" for the utility's.
        channel: How they are delivered.
        email: Where to, by mail.
        link: Whether the mail has a link to the portal in place of the file.

    Raises:
        InvoicingError: One of them is not valid.
    """

    party: PartyTerms = field(default_factory=PartyTerms)
    language: str = ""
    channel: DeliveryChannel = DeliveryChannel.NONE
    email: str = ""
    link: bool = False

    def __post_init__(self) -> None:
        _checked_party(self.party)
        if self.language and self.language not in LOCALES:
            message = f"There are no documents in the language {self.language!r}."
            remedy = f"Choose {' or '.join(LOCALES)}."
            raise InvoicingError(message, value=self.language, remedy=remedy)
        if self.email and (not _MAIL.fullmatch(self.email) or not self.email.isascii()):
            message = f"{self.email!r} is no mail address."
            raise InvoicingError(message, value=self.email, remedy="Write it as a@example.org.")
        if self.channel is DeliveryChannel.EMAIL and not self.email:
            message = "There is no address to mail invoices to."
            raise InvoicingError(message, remedy="Give one with --email.")


@dataclass(frozen=True, slots=True)
class PointInvoicing:
    """Of a service point.

    Args:
        scheme: Of the code: `CUPS`, `EAN`, `MPAN`, or the name of another; "" for none.
        code: Of the supply point.

    Raises:
        SupplyCodeError: The code is not one of its scheme.
        InvoicingError: There is a code without a scheme, or a scheme without one.
    """

    scheme: str = ""
    code: str = ""

    def __post_init__(self) -> None:
        _check_text("scheme", self.scheme, 16)
        if bool(self.scheme) != bool(self.code):
            message = "A code of a supply point has a scheme, and a scheme a code."
            raise InvoicingError(message, value=self.code, remedy="Give both, or none.")
        if self.code:
            object.__setattr__(self, "code", read_supply_code(self.scheme, self.code))


Invoicing = SellerInvoicing | AccountInvoicing | PointInvoicing
FORMS: Mapping[TermsOf, type[Invoicing]] = {
    TermsOf.SELLER: SellerInvoicing,
    TermsOf.ACCOUNT: AccountInvoicing,
    TermsOf.POINT: PointInvoicing,
}


def invoicing_json(invoicing: Invoicing) -> dict[str, Any]:
    """As a JSON object; what nobody said is left out."""
    members = {name: getattr(invoicing, name) for name in invoicing.__dataclass_fields__}
    if "party" in members:
        members["party"] = members["party"].to_json()
    return {name: value for name, value in members.items() if value}


def read_invoicing(kind: TermsOf, value: Mapping[str, Any]) -> Invoicing:
    """What `invoicing_json` wrote."""
    members = dict(value)
    if "party" in members:
        members["party"] = PartyTerms(**members["party"])
    if "channel" in members:
        members["channel"] = DeliveryChannel(members["channel"])
    return FORMS[kind](**members)


@dataclass(frozen=True, slots=True)
class TermsInForce:
    """What holds for a bill at issue.

    Args:
        seller: Of who charges.
        account: Of who is charged.
        supplies: Of its service points, in its order, with their addresses.
        written: Whether anybody wrote any of it down.
    """

    seller: SellerInvoicing = field(default_factory=SellerInvoicing)
    account: AccountInvoicing = field(default_factory=AccountInvoicing)
    supplies: tuple[SupplyTerms, ...] = ()
    written: bool = False

    def terms(self) -> InvoiceTerms:
        """As the bill is given them."""
        seller = self.seller
        return InvoiceTerms(
            seller.party,
            self.account.party,
            seller.payment,
            self.supplies,
            seller.complaint_text,
            seller.switching_text,
        )


def with_terms(facts: IssueFacts, in_force: TermsInForce) -> IssueFacts:
    """What a bill is given at issue, with its terms and the language of its account.

    Bills of which nobody wrote any terms down, and whose template prints none, say what they
    always said. A template in English stays in English.
    """
    if facts.template not in ENGLISH and in_force.account.language:
        facts = replace(facts, locale=in_force.account.language)
    if not in_force.written and facts.template in WITHOUT_TERMS:
        return facts
    return replace(facts, terms=in_force.terms())
