"""Try a policy: what it would have raised on closed days, and what it would not have any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.channel_class import DEFAULT_POLICIES, default_class
from central.domain.vee.day import Thresholds
from central.domain.vee.finding import VeeFinding
from central.domain.vee.policy_document import PolicyDocument
from central.service.ports.policies import PolicyStore
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    PointChannelId,
    ValidationStore,
    ValidationTransaction,
)
from central.service.validation.measured_days import judged_findings, measured_days

AT_ONCE = 20
EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class TrialExample:
    """A finding that is not the same under both policies.

    Args:
        point: Name of the service point.
        day: The channel, and the local day.
        finding: It.
        is_raised: Whether it is the draft's.
    """

    point: str
    day: ChannelDay
    finding: VeeFinding
    is_raised: bool


@dataclass(slots=True)
class PolicyTrial:
    """What a draft changes.

    Args:
        channels: How many channels were judged.
        days: How many of their days.
        before: Findings by code, under what is in force.
        raised: Those that only the draft raises.
        gone: Those that it does not raise any more.
        examples: Some of both.
    """

    channels: int = 0
    days: int = 0
    before: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    examples: list[TrialExample] = field(default_factory=list)

    def add(self, point: str, day: ChannelDay, both: tuple[Sequence[VeeFinding], ...]) -> None:
        """Count a day under what is in force, and under the draft."""
        current, drafted = (
            {(entry.code, entry.interval): entry for entry in findings} for findings in both
        )
        self.days += 1
        self.before.update(entry.code for entry in current.values())
        for counter, only, is_raised in (
            (self.raised, drafted.keys() - current.keys(), True),
            (self.gone, current.keys() - drafted.keys(), False),
        ):
            for key in sorted(only, key=lambda key: (key[0], key[1].start)):
                counter[key[0]] += 1
                finding = (drafted if is_raised else current)[key]
                if counter[key[0]] <= EXAMPLES:
                    self.examples.append(TrialExample(point, day, finding, is_raised))


class TryPolicy:
    """The use-case. It changes nothing.

    Args:
        policies: Where policies are kept.
        store: Where readings and blocks are.
        limits: How readings become intervals.
    """

    def __init__(
        self, policies: PolicyStore, store: ValidationStore, limits: Thresholds | None = None
    ) -> None:
        self._policies = policies
        self._store = store
        self._limits = limits or Thresholds()

    async def __call__(
        self, class_name: str, document: PolicyDocument, days: DayRange, most: int
    ) -> PolicyTrial:
        """Judge closed days of a class twice, with the history that is known today.

        Args:
            class_name: A default class, or a group of points.
            document: The draft.
            days: Which days.
            most: How many channels at most, the first by key.
        """
        trial = PolicyTrial()
        group = None if class_name in DEFAULT_POLICIES else class_name
        after = PointChannelId(0)
        while trial.channels < most:
            ids = await self._policies.channels_of(group, days, after, AT_ONCE)
            if not ids:
                break
            after = ids[-1]
            async with self._store.transaction() as work:
                locked = await work.lock(ids)
                of_class = {
                    key: entry
                    for key, entry in locked.items()
                    if group is not None or default_class(entry.channel) == class_name
                }
                of_class = dict(list(of_class.items())[: most - trial.channels])
                trial.channels += len(of_class)
                await self._judge(work, of_class, class_name, document, days, trial)
        return trial

    async def _judge(  # noqa: PLR0913, PLR0917 - what is tried, and on what
        self,
        work: ValidationTransaction,
        locked: Mapping[PointChannelId, LockedChannel],
        class_name: str,
        document: PolicyDocument,
        days: DayRange,
        trial: PolicyTrial,
    ) -> None:
        asked = [ChannelDay(key, day) for key in locked for day in days.days()]
        newest = await work.newest(asked)
        closed = {
            key: [day for day in days.days() if ChannelDay(key, day) in newest] for key in locked
        }
        measured = await measured_days(work, locked, closed, newest, self._limits)
        estimated: Collection[ChannelDay] = {key for key, entry in newest.items() if entry.decided}
        in_force = await work.policies_in_force(list(locked), days)
        current = await judged_findings(work, measured, estimated, in_force)
        draft = in_force.with_draft(class_name, document)
        drafted = await judged_findings(work, measured, estimated, draft)
        for key in measured:
            trial.add(locked[key.channel_id].channel.point.name, key, (current[key], drafted[key]))
