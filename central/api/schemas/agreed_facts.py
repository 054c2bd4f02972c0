"""What an operator sends about a fact of an agreement."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from central.api.schemas.base import Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, spelled
from central.service.registry.agreed_facts import AgreedAt


class NamedFactIn(Order):
    """Which fact of which agreement, and why; the service where the account has several."""

    account: Name
    service_point: Name
    service: Name | None = None
    name: Name
    effective: date
    reason: Reason

    def agreed(self) -> AgreedAt:
        """Whose facts are meant."""
        return AgreedAt(self.account, self.service_point, self.service)


class FactIn(NamedFactIn):
    """A fact from a local day on; the value is a number, `true`, `false` or a word."""

    value: Name

    def fact(self) -> Fact:
        """As the registry keeps it."""
        return Fact(self.name, spelled(self.value), self.effective)


class AgreedFactOut(Schema):
    """A fact from a local day on."""

    name: str
    value: str
    kind: str = Field(description="`number`, `bool` or `text`.")
    effective: date

    @classmethod
    def of(cls, fact: Fact) -> AgreedFactOut:
        """As the registry keeps it; a truth is `true` or `false`."""
        (written,) = AgreementFacts((fact,)).to_json()
        if written["kind"] == "bool":
            written["value"] = str(written["value"]).lower()
        return cls.model_validate(written)
