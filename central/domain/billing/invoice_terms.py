"""What an invoice says beside its bill, as it was when it was issued: codes, places, payment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class PartyTerms(NamedTuple):
    """What the law or a network asks of a party beside name, address lines and tax number.

    Args:
        country: ISO 3166 alpha-2, "" where nobody said it.
        region: Province or state.
        town: As the post writes it.
        postcode: Of the town.
        legal_id: Number in the register of companies, "" for none.
        endpoint: Electronic address with its scheme, such as `9920:ESB12345678`.
        reference: By which the buyer finds the invoice: an order, a department.
    """

    country: str = ""
    region: str = ""
    town: str = ""
    postcode: str = ""
    legal_id: str = ""
    endpoint: str = ""
    reference: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; what nobody said is left out."""
        return {name: text for name, text in self._asdict().items() if text}


class PaymentMeans(NamedTuple):
    """Where the buyer pays to.

    Args:
        iban: Of the seller's account, without blanks.
        bic: Of its bank, "" where the IBAN says enough.
        holder: Whose account it is; "" for the seller's.
        qr: Code that a phone pays by: `epc` (credit transfer in EUR), "" for none.
    """

    iban: str
    bic: str = ""
    holder: str = ""
    qr: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; what nobody said is left out."""
        return {name: text for name, text in self._asdict().items() if text}


class SupplyTerms(NamedTuple):
    """How a service point is called by others than the utility.

    Args:
        service_point: As the bill names it.
        scheme: Of the code: `CUPS`, `EAN`, `MPAN` and so on; "" for none.
        code: Of the supply point.
        address: Where it is.
    """

    service_point: str
    scheme: str = ""
    code: str = ""
    address: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; what nobody said is left out."""
        return {name: text for name, text in self._asdict().items() if text}


class InvoiceTerms(NamedTuple):
    """What is fixed at issue beside number, dates and texts.

    Args:
        seller: Of who charges.
        buyer: Of who is charged.
        payment: Where to pay; None where the seller has said no account.
        supplies: Of the bill's service points, in its order.
        complaint_text: Where the buyer complains.
        switching_text: How the buyer changes to another seller.
    """

    seller: PartyTerms = PartyTerms()
    buyer: PartyTerms = PartyTerms()
    payment: PaymentMeans | None = None
    supplies: tuple[SupplyTerms, ...] = ()
    complaint_text: str = ""
    switching_text: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; what nobody said is left out."""
        members: dict[str, Any] = {
            "seller": self.seller.to_json(),
            "buyer": self.buyer.to_json(),
            "payment": None if self.payment is None else self.payment.to_json(),
            "supplies": [supply.to_json() for supply in self.supplies],
            "complaint_text": self.complaint_text,
            "switching_text": self.switching_text,
        }
        return {name: value for name, value in members.items() if value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> InvoiceTerms:
        """The terms that `to_json` wrote."""
        payment = value.get("payment")
        return cls(
            PartyTerms(**value.get("seller", {})),
            PartyTerms(**value.get("buyer", {})),
            None if payment is None else PaymentMeans(**payment),
            tuple(SupplyTerms(**supply) for supply in value.get("supplies", ())),
            value.get("complaint_text", ""),
            value.get("switching_text", ""),
        )
