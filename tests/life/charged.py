"""What the oracle says that issued bills must say, as they are settled; and what of it is another.

It is given which decisions were taken, never what came of them: of each issued part it knows what
it rated when the part was issued, or settled anew, and rates it again where something was
validated, entered or agreed since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from uuid import UUID

from tests.life.adjustments import Adjustments
from tests.life.books import Books, State
from tests.life.invariants import Judge, blocks_of, read_beside
from tests.life.look import Look, Part
from tests.life.oracle import Rated
from tests.life.validated import Blocks
from tests.life.violation import ORACLE, Violation


@dataclass
class Charge:
    """An issued part that stands.

    Args:
        part: As it was looked at last.
        rated: What it says, as it is settled.
        ends: Whether the customer went with it, as was known at its issue.
        left: What it would have said when that was left as it is.
    """

    part: Part
    rated: Rated
    ends: bool
    left: Rated | None = None


@dataclass
class Candidate:
    """Issued bills of an account that would say something else today.

    Args:
        bill: The first of them.
        parts: Those parts with what they would say; None where something is missing.
    """

    bill: UUID
    parts: list[tuple[Charge, Rated | None]]

    @property
    def amount(self) -> Decimal:
        """That they would charge more."""
        return sum((new.total - old.rated.total for old, new in self.parts if new), Decimal(0))

    @property
    def kwh(self) -> Fraction:
        """That they would bill more."""
        return sum((new.kwh - old.rated.kwh for old, new in self.parts if new), Fraction(0))

    @property
    def is_held(self) -> bool:
        """Whether something is missing."""
        return any(rated is None for _, rated in self.parts)


@dataclass
class Charged:
    """All issued parts that stand.

    Args:
        books: Of the utility.
        look: Behind the product's back.
    """

    books: Books
    look: Look
    charges: dict[int, Charge] = field(default_factory=dict)
    adjustments: Adjustments = field(default_factory=Adjustments)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    """Accounts of which something was rated again since they were compared."""
    since: datetime | None = None
    _dirty: set[int] = field(default_factory=set)
    _parts: Sequence[Part] = ()
    _blocks: Blocks = field(default_factory=lambda: Blocks({}))

    def stand(self, parts: Sequence[Part]) -> None:
        """Forget what is cancelled; what it took of the account's money is there again."""
        self._parts = parts
        issued = {part.key: part for part in parts if part.state == "issued"}
        again = {(part.place, part.first) for part in issued.values()}
        for key in self.charges.keys() - issued.keys():
            gone = self.charges.pop(key).part
            self._dirty.discard(key)
            if (gone.place, gone.first) not in again:
                for one in self.books.pay_ins:
                    if (one.account, one.part) == (gone.account, gone.first):
                        one.part = None
        for key, charge in self.charges.items():
            charge.part = issued[key]
        self.adjustments.stand(parts)

    def issue(self, judge: Judge, issued: Iterable[Part]) -> None:
        """Parts are issued as the oracle rated them."""
        for part in issued:
            rated = judge.rated(part)
            if rated is not None:
                self.charges[part.key] = Charge(part, rated, judge.ends(part))

    # What would say something else

    def mark_plan(self, plan: str, effective: date) -> None:
        """A tariff got another version."""
        beside = {
            part.key
            for part, tariff, read in read_beside(self.books, self._parts)
            if tariff == plan and read >= effective
        }
        for key, charge in self.charges.items():
            part = charge.part
            if (part.plan == plan and part.end >= effective) or key in beside:
                self._dirty.add(key)

    def mark_point(self, point: str) -> None:
        """Who pays for a point, or by which tariff, is another."""
        own = sorted(
            (charge.part.end, key)
            for key, charge in self.charges.items()
            if charge.part.point == point
        )
        self._dirty |= {key for _, key in own[-4:]}

    async def refresh(self, now: datetime) -> None:
        """Rate again what may be another, and note what is."""
        days: dict[str, set[date]] = defaultdict(set)
        for counter in self.books.counters():
            days[counter.point] |= counter.moved
            counter.moved = set()
        for point, day in self.books.counted.moved:
            days[point].add(day)
        self.books.counted.moved.clear()
        if self.since is not None:
            for point, day in await self.look.anew(self.since):
                days[point].add(day)
        self.since = now
        for key, charge in self.charges.items():
            part = charge.part
            if any(part.first <= day < part.end for day in days[part.point]):
                self._dirty.add(key)
        accounts = {self.charges[key].part.account for key in self._dirty if key in self.charges}
        self.touched |= accounts
        for account in sorted(accounts | self.candidates.keys()):
            differing = await self._walk(account)
            self._dirty -= {
                key for key, charge in self.charges.items() if charge.part.account == account
            }
            self._dirty |= {charge.part.key for charge, _ in differing}
            self.candidates.pop(account, None)
            if differing:
                first = min((charge.part for charge, _ in differing), key=lambda one: one.end)
                self.candidates[account] = Candidate(first.bill, differing)

    async def _walk(
        self, account: str, versions: Mapping[int, int] = MappingProxyType({})
    ) -> list[tuple[Charge, Rated | None]]:
        """What the parts of an account would say, by time, where it is something else.

        What was left as it is counts as settled, unless it has another of these versions now.
        """
        chains: dict[tuple[str, str, str], list[Charge]] = defaultdict(list)
        for charge in self.charges.values():
            if charge.part.account == account:
                chains[charge.part.place].append(charge)
        noted = set(self.charges)
        judge = Judge(self.books, self._parts, {}, self._blocks, noted=noted)
        found: list[tuple[Charge, Rated | None]] = []
        for chain in chains.values():
            closing: State | None = None
            for charge in sorted(chain, key=lambda one: (one.part.first, one.part.settles)):
                part = charge.part
                anew = charge.left is not None and versions.get(part.key, 0) > part.version
                if closing is None and part.key not in self._dirty and not anew:
                    continue
                await self._load(part)
                opening = judge.opening(part) if closing is None else closing
                rated = judge.rate(part, opening, ends=self._ends(charge, judge))
                if rated is None:
                    found.append((charge, None))
                    break
                if rated == charge.left and not anew:
                    rated = charge.rated
                if rated != charge.rated:
                    found.append((charge, rated))
                same = rated.closing == charge.rated.closing
                closing = None if same else rated.closing
        return found

    def _ends(self, charge: Charge, judge: Judge) -> bool:
        """Whether what a part leaves is settled with it.

        Of a customer whose end was told after the issue, and who had nothing left, no part of its
        own settles anything: what is left now goes with the last days.
        """
        left, part = charge.rated.closing, charge.part
        return charge.ends or (
            judge.ends(part)
            and not (left.bank or left.peaks)
            and not any(
                other.part.settles and other.part.place == part.place
                for other in self.charges.values()
            )
        )

    async def _load(self, part: Part) -> None:
        found = await blocks_of(self.look, [part])
        self._blocks.found.update(found.found)

    # What was decided

    async def decided(
        self, decisions: Sequence[tuple[str, str]], parts: Sequence[Part]
    ) -> list[Violation]:
        """Accounts' bills are adjusted or left: post what differs, and compare what is settled.

        Args:
            decisions: Account and way.
            parts: As the product has them now.
        """
        found: list[Violation] = []
        versions = {part.key: part.version for part in parts}
        for account, way in decisions:
            if way == "leave":
                for charge, rated in self.candidates[account].parts:
                    charge.left = rated
                continue
            for charge, rated in await self._walk(account, versions):
                if rated is None:
                    found.append(Violation(ORACLE, f"{charge.part} is adjusted without values"))
                    break
                self.adjustments.post(charge.part, charge.rated, rated)
                charge.rated, charge.left = rated, None
        self.stand(parts)
        for account, _ in decisions:
            found += await self.compare(account)
        return found

    async def compare(self, account: str) -> list[Violation]:
        """The issued parts of an account against what they must say, as they are settled."""
        own = [charge for charge in self.charges.values() if charge.part.account == account]
        settled = await self.look.settled(charge.part for charge in own)
        found = []
        for charge in own:
            said, lines = settled[charge.part.key], charge.rated.lines
            if said != lines:
                wrong = {k for k in said.keys() | lines.keys() if said.get(k) != lines.get(k)}
                shown = ", ".join(f"{k}: {said.get(k)} not {lines.get(k)}" for k in sorted(wrong))
                message = f"{charge.part} is settled as version {charge.part.version}: {shown}"
                found.append(Violation(ORACLE, message))
            carries = charge.rated.closing.bank or charge.rated.closing.peaks
            if carries and charge.rated.closing != charge.part.closing:
                message = f"{charge.part} leaves {charge.part.closing}, not {charge.rated.closing}"
                found.append(Violation(4, message))
        return found

    # What is looked at once a month

    def balance(self, documents: Mapping[str, Decimal]) -> Iterator[Violation]:
        """0: bills, credit notes and what is to be adjusted come to what stands."""
        owed: dict[str, Decimal] = defaultdict(Decimal)
        issued = {charge.part.bill for charge in self.charges.values()}
        for charge in self.charges.values():
            owed[charge.part.account] += charge.rated.total
        for posted in self.adjustments.posted:
            if posted.bill not in issued:
                owed[posted.part.account] -= posted.amount
        for account in sorted(owed.keys() | documents.keys()):
            billed = documents.get(account, Decimal(0))
            if billed != owed[account]:
                message = f"{account} was billed {billed} and owes {owed[account]}"
                yield Violation(ORACLE, message)

    # Who is there to be corrected

    def bills_from(self, account: str, bill: UUID) -> list[UUID]:
        """The issued bills of an account from one on, by time."""
        own = [charge.part for charge in self.charges.values() if charge.part.account == account]
        first = min(part.end for part in own if part.bill == bill)
        ordered = sorted((part for part in own if part.end >= first), key=lambda part: part.end)
        return list(dict.fromkeys(part.bill for part in ordered))

    def may_be_held(self, account: str) -> bool:
        """Whether an account's issued days wait for somebody or the night, or miss something."""
        candidate = self.candidates.get(account)
        judge = Judge(self.books, self._parts, {}, Blocks({}))
        own = [charge.part for charge in self.charges.values() if charge.part.account == account]
        waits = any(
            judge.conflicts(part)
            or judge.waits(part)
            or judge.doubted(part)
            or judge.asked(part, surely=False)
            for part in own
        )
        return waits or (candidate is not None and candidate.is_held)

    def left(self, account: str) -> set[Decimal]:
        """What was left of an account and is not another since: of any of its parts."""
        candidate = self.candidates.get(account)
        other = {charge.part.key for charge, _ in candidate.parts} if candidate else set()
        sums = {Decimal(0)}
        for charge in self.charges.values():
            if charge.part.account == account and charge.left and charge.part.key not in other:
                amount = charge.left.total - charge.rated.total
                sums |= {amount + one for one in sums}
        return sums

    def carriers(self) -> list[tuple[str, UUID]]:
        """Accounts with the issued bill that carries an adjustment."""
        return self.adjustments.carriers({charge.part.bill for charge in self.charges.values()})

    def adjusted(self) -> list[tuple[str, UUID]]:
        """Accounts with a bill that is settled anew."""
        found = {
            (charge.part.account, charge.part.bill)
            for charge in self.charges.values()
            if charge.part.version > 1
        }
        return sorted(found, key=str)
