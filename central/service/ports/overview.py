"""What the pages and the API ask of the store: reads only, a page at a time.

Everything here answers from indexes in the time that a page has; nothing scans all meters.
Identifiers are opaque text; one that names nothing gives None or an empty answer, never an error.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import RatedLine
from central.service.ports.registry import AgreementRecord
from central.service.views.bill_filter import ANY_BILL, BillFilter
from central.service.views.billing import (
    AccountView,
    AgreementView,
    BillView,
    LineView,
    NotBilledView,
    RunView,
)
from central.service.views.field import (
    ChannelView,
    FieldTotals,
    FindingView,
    GatewayView,
    ImportView,
    MeterView,
    PointChannelView,
    PointView,
    ReadingView,
    ValidatedMonth,
)
from central.service.views.paging import Page
from central.service.views.run_progress import RunProgress
from central.service.views.tariffs import TariffUse, TariffView
from firmware_bridge.contract.interval import Interval


class FieldOverview(Protocol):
    """Gateways, meters, channels, readings, blocks and findings."""

    async def ping(self) -> None:
        """Ask the store for nothing.

        Raises:
            StoreUnavailableError: It does not answer.
            StoreUnfitError: It is not one that this release works with.
        """
        ...

    async def totals(self, now: datetime) -> FieldTotals:
        """The field in numbers; those of meters are as of the last `refresh`."""
        ...

    async def refresh(self, now: datetime) -> int:
        """Bring the counts of silent meters up to date.

        Returns:
            How many meters were looked at.
        """
        ...

    async def gateways(
        self,
        *,
        now: datetime,
        search: str = "",
        attention: bool = False,
        after: str | None = None,
        limit: int,
    ) -> Page[GatewayView]:
        """Gateways by name.

        Args:
            now: The present.
            search: Only those whose name begins so.
            attention: Only those that are silent, never heard, or have an open finding.
            after: Cursor of the page before.
            limit: Most rows.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def gateway(self, gateway: str) -> GatewayView | None:
        """Get one gateway."""
        ...

    async def meters(  # noqa: PLR0913 - every filter is one
        self,
        *,
        now: datetime,
        search: str = "",
        gateway: str | None = None,
        attention: bool = False,
        after: str | None = None,
        limit: int,
    ) -> Page[MeterView]:
        """Meters by manufacturer and serial number.

        Args:
            now: The present.
            search: Only those whose serial number begins so.
            gateway: Only those behind this gateway.
            attention: Only those that are silent, never heard, or installed nowhere, as of the
                last `refresh`.
            after: Cursor of the page before.
            limit: Most rows.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def meter(self, meter: str, now: datetime) -> MeterView | None:
        """One meter."""
        ...

    async def channels(self, meter: str) -> tuple[ChannelView, ...]:
        """A meter's channels, by OBIS code."""
        ...

    async def channel(self, channel: str) -> ChannelView | None:
        """Get one channel."""
        ...

    async def readings(
        self, channel: str, within: Interval, *, after: str | None = None, limit: int
    ) -> Page[ReadingView]:
        """A channel's readings in ascending time.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def imports(self, channels: Collection[int], within: Interval) -> tuple[ImportView, ...]:
        """Files that people imported, of which readings lie in days of point channels."""
        ...

    async def point_channels(self, point: str) -> tuple[PointChannelView, ...]:
        """What is counted at a service point, by OBIS code."""
        ...

    async def point_channel(self, channel: str) -> PointChannelView | None:
        """One quantity of a service point."""
        ...

    async def blocks(self, channel: str, first: date, until: date) -> tuple[DayBlock, ...]:
        """The newest version of each validated day in [first, until) of a point's channel."""
        ...

    async def validated_months(
        self, channel: str, first: date, until: date
    ) -> tuple[ValidatedMonth, ...]:
        """Months that have validated days in [first, until), by the newest version of each day."""
        ...

    async def block_versions(
        self, channel_id: int, wanted: Sequence[tuple[date, int]]
    ) -> tuple[DayBlock, ...]:
        """Named versions of a point channel's days, ascending; what is not there is left out."""
        ...

    async def findings(
        self,
        *,
        gateway: str | None = None,
        meter: str | None = None,
        after: str | None = None,
        since: datetime | None = None,
        limit: int,
    ) -> Page[FindingView]:
        """Open findings, newest first; of a gateway or meter those first that hold a bill.

        Args:
            gateway: Its name.
            meter: Its identifier.
            after: Cursor of the page before.
            since: Only those that were found then or later.
            limit: Most of them.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def finding_count(self, *, gateway: str | None = None, meter: str | None = None) -> int:
        """How many findings are open of a gateway or meter, and of its service points."""
        ...

    async def points(
        self,
        *,
        now: datetime,
        search: str = "",
        since: datetime | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[PointView]:
        """Service points by name; `since`: only those recorded or corrected then or later.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def point_named(self, name: str, now: datetime) -> PointView | None:
        """The service point of exactly this name, or None."""
        ...

    async def point(self, point: str, now: datetime) -> PointView | None:
        """Get one service point."""
        ...


class BillingOverview(Protocol):
    """Accounts, agreements, tariffs, runs, bills and their lines."""

    async def accounts(
        self,
        *,
        today: date,
        search: str = "",
        since: datetime | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[AccountView]:
        """Accounts by number; `since`: only those recorded, corrected or erased then or later.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def account_numbered(self, number: str, today: date) -> AccountView | None:
        """The account of exactly this number, or None."""
        ...

    async def account(self, account: str, today: date) -> AccountView | None:
        """Get one account."""
        ...

    async def agreements(
        self, account: str, *, since: datetime | None = None, after: str | None = None, limit: int
    ) -> Page[AgreementView]:
        """An account's agreements, newest first; `since`: only those changed then or later.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def agreement(self, agreement: str) -> AgreementView | None:
        """Get one agreement by its identifier."""
        ...

    async def agreement_agreed(self, agreed: AgreementRecord) -> AgreementView | None:
        """The agreement of just this account, point, service, tariff and first day, or None.

        Without a service, the newest of any; one that was taken back only where no other holds.
        """
        ...

    async def tariff_version(self, tariff: str, effective: date) -> TariffView | None:
        """The newest revision of a tariff's version of a day, or None."""
        ...

    async def tariffs(
        self, *, since: datetime | None = None, after: str | None = None, limit: int
    ) -> Page[TariffView]:
        """Tariff versions by name and date; `since`: only those recorded then or later.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def tariff_uses(
        self,
        *,
        today: date,
        search: str = "",
        name: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[TariffUse]:
        """Tariffs by name, each with what of it is in force and who has agreed it.

        Args:
            today: The day that both are of.
            search: Only those whose name begins so.
            name: Only the one of that name.
            after: Cursor of the page before.
            limit: Most rows.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def runs(self, *, after: str | None = None, limit: int) -> Page[RunView]:
        """Bill runs, newest first.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def run(self, run: str) -> RunView | None:
        """Get one bill run."""
        ...

    async def run_progress(self, run: str) -> RunProgress | None:
        """How far a run is, and who had it calculated."""
        ...

    async def largest_changes(self, run: str, limit: int) -> tuple[BillView, ...]:
        """The bills of a run whose lines sum to what differs most from the issued bill before.

        Args:
            run: Its identifier.
            limit: Most bills; accounts without an issued bill in the same currency have none here.
        """
        ...

    async def not_billed(
        self, run: str, *, code: str | None = None, after: str | None = None, limit: int
    ) -> Page[NotBilledView]:
        """The days that a run left out, account by account.

        Args:
            run: Its identifier.
            code: Only those left out for this reason.
            after: Cursor of the page before.
            limit: Most rows.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def not_billed_counts(self, run: str) -> tuple[tuple[str, int], ...]:
        """How many entries `not_billed` has, by code; of the first 100,000."""
        ...

    async def bills(  # noqa: PLR0913 - a filter each
        self,
        *,
        run: str | None = None,
        account: str | None = None,
        state: str | None = None,
        search: str = "",
        wanted: BillFilter = ANY_BILL,
        after: str | None = None,
        limit: int,
    ) -> Page[BillView]:
        """Bills of a run or an account in the order they were made; held ones by `state`.

        Args:
            run: Only this run's.
            account: Only this account's.
            state: Only those in this state.
            search: Only those whose number or whose account's number begins so, or whose account's
                name has this in it, in large or small letters.
            wanted: What they have to be besides.
            after: Cursor of the page before.
            limit: Most rows.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        ...

    async def bill(self, bill: str) -> BillView | None:
        """Get one bill."""
        ...

    async def lines(self, bill: str) -> tuple[LineView, ...]:
        """List a bill's lines, in print order."""
        ...

    async def line(self, bill: str, number: int) -> tuple[LineView, RatedLine] | None:
        """One line, as it is shown and with its whole lineage."""
        ...
