"""What became of orders, with what they are about as it is now."""

from __future__ import annotations

from central.api.schemas.billing import AccountOut, AgreementOut
from central.api.schemas.field import PointOut
from central.api.schemas.writes import EffectOut


class AccountEffectOut(EffectOut):
    """What became of an order, and the account as it is now."""

    account: AccountOut


class PointEffectOut(EffectOut):
    """What became of an order, and the service point as it is now."""

    service_point: PointOut


class AgreementEffectOut(EffectOut):
    """What became of an order, and the agreement as it is now; null where its end took it back."""

    agreement: AgreementOut | None
