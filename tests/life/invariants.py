"""The invariants of docs/explanation/life.md, each looked at from outside the product."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from central.service.billing.check_bills import CHECK_CODES
from tests.life.asked import asked
from tests.life.books import Books, PayIn, Plan, State
from tests.life.look import Lines, Look, Part
from tests.life.oracle import Rated, rate_part, settle
from tests.life.validated import Blocks, UnlikeTruthError, days_between
from tests.life.violation import ORACLE, Violation

GRACE = timedelta(minutes=15)
_DAY = timedelta(days=1)
_NO_CLAIM = {"EARLIER_NOT_BILLED"}


def unclosed(
    books: Books, closed: set[tuple[str, str, date]], first: date, at: datetime
) -> Iterator[Violation]:
    """1: every local day of a channel that is over and past its grace is closed."""
    for counter in books.counters():
        day = max(first, (counter.start + _DAY / 2).date())
        while counter.begins(day + _DAY) + GRACE <= at:
            if (counter.point, counter.obis, day) not in closed:
                yield Violation(1, f"{counter.point} {counter.obis} {day} is not closed")
            day += _DAY


def own_approval(parts: Iterable[Part]) -> Iterator[Violation]:
    """5: nobody approves what they made."""
    for part in parts:
        if part.approver is not None and part.approver == part.creator:
            yield Violation(5, f"{part.approver} made and approved {part}")


def read_beside(books: Books, parts: Sequence[Part]) -> Iterator[tuple[Part, str, date]]:
    """Other tariffs that say what becomes of a state, each with the part and the day of it."""
    before = {(part.place, part.end): part for part in parts if not part.settles}
    for part in parts:
        earlier = before.get((part.place, part.first))
        another = earlier is not None and earlier.plan != part.plan and _leaves(earlier)
        if earlier and another and (part.place, part.first) not in books.handed:
            yield part, earlier.plan, part.first - _DAY
        # What follows says what of it is handed over, and may say that nothing is.
        following = books.handed.get((part.place, part.end))
        after = books.follows(part.place, part.end, part.plan)
        known = following is not None and (_leaves(part) or (after and after.name == following))
        if following is not None and known and not part.settles:
            yield part, following, part.end


def _leaves(part: Part) -> bool:
    return bool(part.closing.bank or part.closing.peaks)


Carried = Mapping[str, Mapping[tuple[str, str], Decimal]]
"""What a bill carries of others: amounts by point, charge and label."""


class Judge:
    """Compares parts with the oracle."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that a bill is compared with
        self,
        books: Books,
        parts: Sequence[Part],
        lines: Lines,
        blocks: Blocks,
        carried: Mapping[UUID, Carried] = MappingProxyType({}),
        noted: Collection[int] = (),
    ) -> None:
        self._noted = noted
        self._carried = carried
        self._books = books
        self._parts = parts
        self._lines = lines
        self._blocks = blocks
        self._before = {(part.place, part.end): part for part in parts if not part.settles}
        occupancies = books.occupancies()
        self._moves_in = {(one.place, one.first) for one in occupancies}
        self._settled = {(part.place, part.first) for part in parts if part.settles}
        self._moves_out = {(one.place, one.end) for one in occupancies}
        self._rated: dict[tuple[UUID, str, str, date], Rated | None] = {}

    def opening(self, part: Part) -> State | None:
        """What the part before it left, also before days that nobody is billed for; or None."""
        first = self._books.spared.before(part.place, part.first)
        if (part.place, first) in self._moves_in:
            return self._books.openings.get((part.account, part.point), State())
        before = self._before.get((part.place, first))
        return None if before is None or before.state == "held" else before.closing

    def rated(self, part: Part) -> Rated | None:
        """What a part must be; None where something is missing."""
        key = part.bill, part.point, part.service, part.first
        if key not in self._rated:
            self._rated[key] = self._rate(part)
        return self._rated[key]

    def _rate(self, part: Part) -> Rated | None:
        return self.rate(part, self.opening(part), ends=self.ends(part))

    def ends(self, part: Part) -> bool:
        """Whether the customer goes with a part, and none of its own settles what it leaves."""
        gone = part.place, part.end
        return gone in self._moves_out and gone not in self._settled

    def rate(self, part: Part, opening: State | None, *, ends: bool) -> Rated | None:
        """What a part must be that opens with a state; None where something is missing.

        Args:
            part: Its days.
            opening: What it opens with; None for nothing.
            ends: Whether it settles what is left, since the customer goes.
        """
        if part.settles:
            plan = self._books.in_force(part.plan, part.first - _DAY)
            last = part.first - _DAY
            return settle(opening or State(), plan, last, self.taken(part))
        after = self._books.follows(part.place, part.end, part.plan)
        drops = after is not None and "takes_over" not in after.said
        return rate_part(
            self._books,
            part.point,
            part.plan,
            part.first,
            part.end,
            opening or State(),
            self._blocks,
            stay=self._stay(part),
            paid_in=self.taken(part),
            ends=drops or ends,
            before=self._not_handed(part),
        )

    def _stay(self, part: Part) -> tuple[date, date]:
        """The days of all agreements of an occupancy in a bill, which follow one another."""
        place = part.bill, part.place
        own = [one for one in self._parts if (one.bill, one.place) == place and not one.settles]
        return min(one.first for one in own), max(one.end for one in own)

    def _not_handed(self, part: Part) -> Plan | None:
        """The version of another tariff whose last bill was issued before this one was known."""
        earlier = self._before.get((part.place, part.first))
        if earlier is None or earlier.plan == part.plan or earlier.state != "issued":
            return None
        if (part.place, part.first) in self._books.handed:
            return None
        return self._books.in_force(earlier.plan, part.first - _DAY)

    def take(self, issued: Iterable[Part]) -> None:
        """Note what was paid in and is taken by parts that are issued now."""
        for part in issued:
            for one in self.taken(part):
                one.part = part.first

    def taken(self, part: Part) -> list[PayIn]:
        """What was paid in and this part takes: what no earlier one did.

        What is issued took what was there then, and hands it to the bill in its place.
        """
        if part.key in self._noted or part.replaces is not None:
            own = (one for one in self._books.pay_ins if one.account == part.account)
            return [one for one in own if one.part == part.first]
        open_parts = sorted(
            other.first
            for other in self._parts
            if other.place == part.place and other.first < part.first and other.end <= part.first
            if other.key not in self._noted
        )
        ends = {other.first: other.end for other in self._parts if other.account == part.account}
        return [
            one
            for one in self._books.pay_ins
            if one.account == part.account
            and (
                one.part == part.first
                or (
                    one.part is None
                    # What settles is the last to say what is charged once, whatever its day.
                    and (one.day < part.end or (part.settles and one.key))
                    and not any(one.day < ends[first] for first in open_parts)
                )
            )
        ]

    def carries(self, part: Part) -> bool:
        """Whether its tariff has something that crosses from bill to bill."""
        said = [one.said for one in self._books.plans[part.plan]]
        return any(one.get("bank") or one.get("prepaid") or "demand" in one for one in said)

    def conflicts(self, part: Part) -> bool:
        """Whether a second value of its days waits for somebody."""
        if part.settles:
            return False
        for point, boundary in self._books.conflicts:
            if point == part.point:
                counter = self._books.points[point].counters[0]
                at = counter.instant(boundary)
                first, end = (counter.begins(day) for day in (part.first, part.end))
                if first <= at <= end:
                    return True
        return False

    def doubted(self, part: Part) -> bool:
        """Whether something of its days is not metered, and a batch of its gateway is missing."""
        if part.settles:
            return False
        point = self._books.points[part.point]
        return point.gateway in self._books.doubtful and any(
            not counter.is_metered(part.first, part.end) for counter in point.counters
        )

    def asked(self, part: Part, *, surely: bool = True) -> bool:
        """Whether what a meter counted, or a person decided of its days, waits for somebody."""
        days = part.first, part.end
        return not part.settles and asked(self._books, part.point, days, surely=surely)

    def waits(self, part: Part) -> bool:
        """Whether readings of its days wait for validation."""
        if part.settles:
            return False
        for counter in self._books.points[part.point].counters:
            first, end = (counter.boundary(counter.begins(day)) for day in (part.first, part.end))
            if counter.waits(first, end):
                return True
        return False

    def bill(self, bill: UUID, number: int) -> Iterator[Violation]:
        """A bill against the oracle.

        Args:
            bill: Its identifier.
            number: Of the invariant that a difference breaks.
        """
        own = [part for part in self._parts if part.bill == bill]
        try:
            yield from self._compare(own, number)
        except UnlikeTruthError as error:
            yield Violation(ORACLE, str(error))

    def guessed(self, bill: UUID) -> bool:
        """Whether something of its days was estimated since it was missing for too long."""
        days = {
            (part.point, day)
            for part in self._parts
            if part.bill == bill
            for day in days_between(part.first, part.end)
        }
        return any(
            block.estimated and (point, day) in days
            for (point, _, day), block in self._blocks.found.items()
        )

    def _compare(self, own: Sequence[Part], number: int) -> Iterator[Violation]:
        if all(part.state == "held" for part in own):
            if not any(self._may_be_held(part) for part in own):
                yield Violation(ORACLE, f"{own[0]} is held without a reason: {own[0].holds}")
            return
        expected: dict[str, dict[tuple[str, str], Decimal]] = {}
        for part in own:
            if self.carries(part) and self.opening(part) is None:
                yield Violation(4, f"{part} does not open from the part directly before it")
                return
            rated = self.rated(part)
            if rated is None:
                yield Violation(number, f"{part} is billed, and values of it are missing")
                return
            if self.carries(part) and rated.closing != part.closing:
                message = f"{part} closes with {part.closing} instead of {rated.closing}"
                yield Violation(4, message)
            lines = expected.setdefault(part.point, {})
            for key, amount in rated.lines.items():
                lines[key] = lines.get(key, Decimal(0)) + amount
        yield from self._said(own[0], expected, number)

    def _said(
        self, first: Part, expected: dict[str, dict[tuple[str, str], Decimal]], number: int
    ) -> Iterator[Violation]:
        """The lines of a bill against those of its parts, and what it carries."""
        for point, carried in self._carried.get(first.bill, {}).items():
            expected.setdefault(point, {}).update(carried)
        said = self._lines.get(first.bill, {})
        for point in expected.keys() | said.keys():
            got, lines = said.get(point, {}), expected.get(point, {})
            if got != lines:
                wrong = {k for k in got.keys() | lines.keys() if got.get(k) != lines.get(k)}
                shown = ", ".join(f"{k}: {got.get(k)} not {lines.get(k)}" for k in sorted(wrong))
                yield Violation(number, f"{first}: {point} {shown}")

    def _may_be_held(self, part: Part) -> bool:
        if self.conflicts(part) or self.waits(part) or (_NO_CLAIM & set(part.holds)):
            return True
        if self.asked(part, surely=False):
            return True
        # What is unusual is not known here; whether it is right is said once it is released.
        if CHECK_CODES & set(part.holds):
            return True
        if "HOLE" in part.holds and self._books.points[part.point].gateway in self._books.doubtful:
            return True
        return self.rated(part) is None


async def blocks_of(look: Look, parts: Iterable[Part]) -> Blocks:
    """The blocks of all days of some parts, and a few around: a gap may reach beyond them."""
    days: dict[str, tuple[date, date]] = {}
    for part in parts:
        first, end = days.get(part.point, (part.first, part.end))
        days[part.point] = min(first, part.first), max(end, part.end)
    return await look.blocks(
        (point, first - 3 * _DAY, end + 3 * _DAY, None) for point, (first, end) in days.items()
    )
