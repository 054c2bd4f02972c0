"""What people decide of days, to the product and to the books.

Field, before the day's readings are sent:

jump      a meter counts far more than its connection carries, in the hour `hours` after the day's
          noon, and goes on from there
clock     a meter's clock is `ahead_s` wrong for `count` readings, from the hour `hours` after the
          day's noon on, and dates them
outage    some `points` use nothing for whole `days`, from the day after the next on, for longer
          than before; in a `storm` of that name, which is told the product, nobody asks

Office, after the day is validated:

edit      an interval of a day some days `ago` was `more`
estimate  what a point's days lack is estimated by a `method`, whatever its length
settle    what a point's jumps, standstills and overtaken edits wait for: they are mended, or
          `accept`ed
policy    days of a class of channels wait so many days (`after`), then a job estimates them
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from tests.life.corrections import Corrector
from tests.life.events import Event
from tests.life.truth import Counter, Decided, WrongClock, midnight
from tests.life.validated import MISSING, is_long
from tests.life.violation import ORACLE, Violation

_DAY = timedelta(days=1)
_NOON = time(12, tzinfo=UTC)


class Clerk(Corrector):
    """Decides what days say; see above."""

    # Field

    async def _read_out(self, event: Event) -> None:
        for counter in self.books.points[event.said["point"]].counters:
            last = counter.sent
            if "through" in event.said:
                last = counter.boundary(counter.begins(date.fromisoformat(event.said["through"])))
            counter.lost = {place for place in counter.lost if place > last}

    async def _leap(self, event: Event) -> None:
        said = event.said
        counter = self.books.points[said["point"]].counters[0]
        boundary = counter.boundary(_noon(event.day) + timedelta(hours=said["hours"]))
        if boundary <= counter.sent or counter.watched({boundary}):
            raise KeyError(said["point"])
        counter.wrong[boundary] = said["more"]

    async def _jump(self, event: Event) -> None:
        counter = self._counter(event)
        at = _noon(event.day) + timedelta(hours=event.said["hours"])
        place = counter.boundary(at)
        near = range(place - 2, place + 3)
        if place <= counter.sent + 1 or {*near} & ({*counter.wrong, *counter.lost}):
            raise KeyError(counter.point)
        if counter.watched({*near}):
            raise KeyError(counter.point)
        counter.count(place, counter.use[place : place + 1] + event.said["more"])
        counter.jumps.add(place)

    async def _outage(self, event: Event) -> None:
        said = event.said
        first = event.day + 2 * _DAY
        end = first + said["days"] * _DAY
        counters = [self.books.points[name].counters[0] for name in said["points"]]
        for counter in counters:
            start, stop = (counter.boundary(counter.begins(day)) for day in (first, end))
            near = {*range(start - 1, stop + 2)}
            if start <= counter.sent + 1 or near & ({*counter.wrong, *counter.lost}):
                raise KeyError(counter.point)
            if counter.watched(near) or said["days"] <= counter.longest_still:
                raise KeyError(counter.point)
        if "storm" in said:
            span = midnight(first, "UTC") - _DAY, midnight(end, "UTC") + _DAY
            await self.product.days.storm(said["storm"], said["points"], span)
        for counter in counters:
            own = [counter.of_day(first + number * _DAY) for number in range(said["days"])]
            counter.count(own[0].start, np.zeros(own[-1].stop - own[0].start, np.int64))
            counter.stills.add((first, end))
            counter.longest_still = said["days"]
            if "storm" in said:
                self.books.suspended.add((counter.point, first))

    async def _clock(self, event: Event) -> None:
        said = event.said
        counter = self._counter(event)
        first = counter.boundary(_noon(event.day) + timedelta(hours=said["hours"]))
        end = first + said["count"]
        near = {*range(first, end + 1)}
        if first <= counter.sent or near & ({*counter.wrong, *counter.lost}):
            raise KeyError(counter.point)
        if counter.watched(near):
            raise KeyError(counter.point)
        ahead = timedelta(seconds=said["ahead_s"])
        serial = counter.registers[-1].serial
        one = WrongClock(serial, first, end, ahead)
        counter.clocks.append(one)
        counter.clock_days |= {day for at in one.places for day in self._days_at(counter, at)}

    # Office

    async def _policy(self, event: Event) -> None:
        document = f"{{thresholds: {{estimate_after_days: {event.said['after']}}}}}"
        await self.product.days.policy(event.said["class"], document, event.day)

    async def _edit(self, event: Event) -> None:
        counter = self._counter(event)
        day = event.day - event.said["ago"] * _DAY
        if day in counter.decided_days or not self._is_whole(counter, day):
            raise KeyError(counter.point)
        number = event.said["number"] % (counter.of_day(day).stop - counter.of_day(day).start)
        await self._give(counter, day, number, event.said["more"])

    async def _give(self, counter: Counter, day: date, number: int, more: int) -> None:
        """Give an interval of a day another value."""
        under = counter.metered(day)
        values = under.copy()
        values[number] += more
        start = counter.instant(counter.of_day(day).start + number)
        given = {start: int(values[number])}
        await self.product.days.edit(counter.point, counter.obis, given)
        counter.decided_days[day] = Decided(values, under)

    async def _estimate(self, event: Event) -> None:
        """The days of the first long gap."""
        counter = self._counter(event)
        latest = counter.boundary(counter.begins(event.day - _DAY))
        lost = sorted(place for place in counter.lost if place < latest)
        long = next((place for place in lost if is_long(counter, place)), None)
        if long is None:
            raise KeyError(counter.point)
        days = {day for place in lost for day in self._days_at(counter, place)}
        days |= {day for place in lost for day in self._days_at(counter, place - 1)}
        first = min(self._days_at(counter, long - 1))
        span = [first]
        while span[-1] + _DAY in days:
            span.append(span[-1] + _DAY)
        asked = first, span[-1] + _DAY
        method = event.said["method"]
        await self.product.days.estimate(counter.point, counter.obis, asked, method, over=False)
        counter.guessed |= {*span}

    async def _settle(self, event: Event) -> None:
        counter = self._counter(event)
        for day in sorted(counter.decided_days):
            if counter.is_overtaken(day) and not self._waits(counter, day):
                await self.product.days.restore(counter.point, counter.obis, day)
                del counter.decided_days[day]
        accept = event.said.get("accept", False)
        for place in sorted(counter.jumps):
            await self._settle_jump(counter, place, accept=accept)
        for place in sorted(counter.doubted_jumps):
            (day,) = {*self._days_at(counter, place)}
            await self.product.days.accept(counter.point, counter.obis, "SERVICE_CAPACITY", [day])
        for day in sorted(counter.clock_days):
            await self._settle_clock(counter, day)
        for first, end in sorted(counter.stills):
            await self._settle_still(counter, first, end, accept=accept)

    async def _settle_jump(self, counter: Counter, place: int, *, accept: bool) -> None:
        (day,) = {*self._days_at(counter, place)}
        if not self._is_whole(counter, day) or day in counter.decided_days:
            return
        if accept:
            await self._accepted(counter, "SERVICE_CAPACITY", [day])
            # It is one of these, too, where enough days before are known.
            await self.product.days.accept(counter.point, counter.obis, "SPIKE", [day])
            counter.accepted_jumps.add(place)
        else:
            number = place - counter.of_day(day).start
            await self._give(counter, day, number, 400 - int(counter.metered(day)[number]))
        counter.jumps.discard(place)

    async def _settle_clock(self, counter: Counter, day: date) -> None:
        """The day is looked at once all is known of it, and stands as the meter dated it."""
        own = {at for one in counter.clocks for at in (one.first, *one.places, one.end)}
        if max(own) > counter.sent or not self._is_whole(counter, day):
            return
        if day in counter.decided_days:
            counter.doubted_clock_days.add(day)
            await self.product.days.accept(counter.point, counter.obis, "TIME_ERROR", [day])
        else:
            await self._accepted(counter, "TIME_ERROR", [day])
        counter.clock_days.discard(day)

    async def _settle_still(
        self, counter: Counter, first: date, end: date, *, accept: bool
    ) -> None:
        days = [first + number * _DAY for number in range((end - first).days)]
        if not all(self._is_whole(counter, day) for day in days):
            return
        if (counter.point, first) not in self.books.suspended:
            if accept:
                await self._accepted(counter, "ZERO_DAYS", days)
            elif not counter.decided_days.keys() & {*days}:
                await self._over(counter, days)
            else:
                return
        counter.stills.discard((first, end))

    async def _accepted(self, counter: Counter, code: str, days: Collection[date]) -> None:
        if not await self.product.days.accept(counter.point, counter.obis, code, days):
            self.broken.append(Violation(ORACLE, f"{counter.point} has no {code}"))

    async def _over(self, counter: Counter, days: list[date]) -> None:
        """Estimate days over their readings: of what they must be, only that they use something."""
        span = days[0], days[-1] + _DAY
        point, code = counter.point, counter.obis
        await self.product.days.estimate(point, code, span, None, over=True)
        blocks = await self.charged.look.blocks([(point, *span, None)])
        for day in days:
            values = blocks.found[point, code, day].values
            if (values == MISSING).any() or (values < 0).any() or not values.any():
                self.broken.append(Violation(ORACLE, f"{point} {day} is estimated as {values}"))
            counter.decided_days[day] = Decided(values, counter.metered(day), estimated=True)

    # What is there

    def _counter(self, event: Event) -> Counter:
        return self.books.points[event.said["point"]].counters[0]

    @staticmethod
    def _days_at(counter: Counter, place: int) -> Iterator[date]:
        """The days that an interval lies in."""
        day = counter.instant(place).date()
        for one in (day - _DAY, day, day + _DAY):
            own = counter.of_day(one)
            if own.start <= place < own.stop:
                yield one

    def _waits(self, counter: Counter, day: date) -> bool:
        own = counter.of_day(day)
        return counter.waits(own.start, own.stop)

    def _is_whole(self, counter: Counter, day: date) -> bool:
        """Whether all of a day is metered and validated, and nothing of it waits for somebody."""
        own = counter.of_day(day)
        if own.start < 1 or own.stop > counter.sent or self._waits(counter, day):
            return False
        open_ones = {place for point, place in self.books.conflicts if point == counter.point}
        if open_ones & {*range(own.start, own.stop + 1)}:
            return False
        return bool(counter.known(own.start, own.stop + 1).all())


def _noon(day: date) -> datetime:
    return datetime.combine(day, _NOON)
