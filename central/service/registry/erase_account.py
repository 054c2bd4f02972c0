"""Erase what is personal of an account: lawfully, for ever, and without breaking what stays.

Its name, address, tax number and contact go from the registry, from the registry's revisions and
from what the audit log refers to; the log's seals hold, since its rows have salted hashes alone.
Issued bills and documents say what they said when they were issued: they are kept by law, and no
account is erased before the retention of its last one is over.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from datetime import UTC, date, datetime

from central.domain.actor import Actor
from central.domain.retention import OnHoldError
from central.service.billing.change_settings import ChangeSettings
from central.service.ports.billing_settings import SettingsStore
from central.service.ports.decisions import DecisionNote
from central.service.ports.erasure import (
    AccountErasedError,
    AccountInUseError,
    RetainedAccount,
    RetainedError,
)
from central.service.ports.registry import NotRegisteredError, RegistryStore
from central.service.registry.tariff_revisions import need_reason

_SET_IT = "Set it with `meterline-central settings set --retention-years YEARS --reason WHY`."


class EraseAccount:
    """The use-case.

    Args:
        store: Where the registry is kept.
        settings: Which say how long issued bills are retained.
        actor: Who asks; noted in the audit log.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: RegistryStore,
        settings: SettingsStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._settings = ChangeSettings(settings, clock)
        self._actor = actor
        self._clock = clock

    async def __call__(self, number: str, reason: str) -> int:
        """Erase the personal values of an account.

        Args:
            number: Of the account.
            reason: Why, such as the request of the customer; it names nobody.

        Returns:
            How many issued bills still say what they were issued with.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: There is no such account.
            AccountErasedError: It was erased before.
            AccountInUseError: It has agreements or open bills, or days that are not billed, or
                something may be left to settle.
            OnHoldError: A legal hold keeps it.
            RetainedError: Its bills are kept by law until a later day, or nobody said how long.
        """
        need_reason(reason)
        now = self._clock()
        years = (await self._settings.current()).settings.retention_years
        async with self._store.transaction(now) as registry:
            await registry.hold([], [number])
            account = await registry.retained(number)
            if account is None:
                message = f"The registry has no account {number!r}."
                raise NotRegisteredError(message, value=number)
            _refuse_used(number, account, now.date())
            _refuse_retained(number, account, years, now.date())
            await registry.erase_account(number, now)
            note = DecisionNote(self._actor, reason, now)
            await registry.keep_revision(("account", number), None, {"erased": True}, note)
            detail = {"old": {}, "new": {"erased": True}, "reason": reason}
            await registry.audit(now, self._actor, "account.erased", number, detail)
        return account.issued


def _refuse_used(number: str, account: RetainedAccount, today: date) -> None:
    if account.erased_at is not None:
        message = f"The account {number} was erased on {account.erased_at.date()}."
        raise AccountErasedError(message, value=number)
    if account.on_hold:
        message = f"A legal hold keeps what belongs to the account {number}."
        raise OnHoldError(message, value=number)
    if account.agreed_to is not None and account.agreed_to > today:
        until = "" if account.agreed_to == date(9999, 12, 31) else f" until {account.agreed_to}"
        message = f"The account {number} has an agreement{until}."
        raise AccountInUseError(message, value=number)
    if account.open_bills or account.not_billed:
        what = f"{account.open_bills} bills that are not issued" if account.open_bills else ""
        message = f"The account {number} has {what or 'days that are not billed'}."
        raise AccountInUseError(message, value=number)
    if account.to_settle:
        message = f"No run has settled what the account {number} left, or found that nothing is."
        remedy = "Settle it with `bill run --final`, approve and issue what that makes."
        raise AccountInUseError(message, value=number, remedy=remedy)


def _refuse_retained(number: str, account: RetainedAccount, years: int | None, today: date) -> None:
    if account.issued_on is None:
        return
    if years is None:
        message = f"Nobody said for how many years issued bills, such as {number}'s, are retained."
        raise RetainedError(message, value=number, remedy=_SET_IT)
    until = _years_after(account.issued_on, years)
    if today < until:
        message = f"Issued bills of the account {number} are retained until {until}."
        raise RetainedError(message, value=until.isoformat())


def _years_after(day: date, years: int) -> date:
    year = day.year + years
    leaps = (day.month, day.day) == (2, 29) and not isleap(year)
    return date(year, 3, 1) if leaps else day.replace(year=year)
