"""What became of orders, with what they are about as it is now."""

from __future__ import annotations

from central.api.schemas.agreed_facts import AgreedFactOut
from central.api.schemas.billing import AccountOut, AgreementOut, TariffOut
from central.api.schemas.cycles import CycleDetailsOut, CycleMemberOut, GroupOut, MembershipOut
from central.api.schemas.field import InstallationOut, PointOut
from central.api.schemas.writes import EffectOut


class AccountEffectOut(EffectOut):
    """What became of an order, and the account as it is now."""

    account: AccountOut


class PointEffectOut(EffectOut):
    """What became of an order, and the service point as it is now."""

    service_point: PointOut


class InstallationEffectOut(EffectOut):
    """What became of an order, and the installation as it is now."""

    installation: InstallationOut


class AgreementEffectOut(EffectOut):
    """What became of an order, and the agreement as it is now; null where its end took it back."""

    agreement: AgreementOut | None


class FactEffectOut(EffectOut):
    """What became of an order, and the fact as it is now."""

    fact: AgreedFactOut


class TariffEffectOut(EffectOut):
    """What became of an order, and the version of the tariff as it is now."""

    tariff: TariffOut


class CycleEffectOut(EffectOut):
    """What became of an order, and the billing cycle with its periods as it is now."""

    cycle: CycleDetailsOut


class CycleMemberEffectOut(EffectOut):
    """What became of an order, and since when the account is in the cycle."""

    assigned: CycleMemberOut


class GroupEffectOut(EffectOut):
    """What became of an order, and the group as it is now."""

    group: GroupOut


class MembershipEffectOut(EffectOut):
    """What became of an order, and the member with its days as they are now."""

    membership: MembershipOut
