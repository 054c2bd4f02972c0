"""Which policy judges a channel on a day, and which storms suspend rules there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from central.domain.metering.service_point import PointChannel
from central.domain.vee.channel_class import DEFAULT_POLICIES, default_class
from central.domain.vee.estimator import WAITING
from central.domain.vee.finding import VeeFinding
from central.domain.vee.notices import STORM_MODE
from central.domain.vee.policy import Policy
from central.domain.vee.policy_document import PolicyDocument, class_policy
from firmware_bridge.contract.interval import Interval


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A version of a class's policy.

    Args:
        class_name: A default class, or a group of points.
        version: From 1.
        effective: The first local day that it judges.
        document: What it says.
    """

    class_name: str
    version: int
    effective: date
    document: PolicyDocument


@dataclass(frozen=True, slots=True)
class Storm:
    """A time in which rules are suspended for a group of points.

    Args:
        id: Its key.
        group: Name of the group.
        start: From when. Aware.
        end: Until when; None while it lasts. Aware.
        rules: Codes of the suspended rules.
        reason: Why.
    """

    id: int
    group: str
    start: datetime
    end: datetime | None
    rules: frozenset[str]
    reason: str

    def within(self, day: Interval) -> Interval | None:
        """The part of a day over which it lasts."""
        start, end = max(self.start, day.start), min(self.end or day.end, day.end)
        return Interval(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class GroupDays:
    """That a point is in a group for some days.

    Args:
        group: Its name.
        first: First local day.
        end: The day after the last; None while it lasts.
    """

    group: str
    first: date
    end: date | None

    def holds_on(self, day: date) -> bool:
        """Whether it is on a day."""
        return self.first <= day and (self.end is None or day < self.end)


def documents_in_force(
    versions: Sequence[PolicyVersion], default: str, groups: Iterable[GroupDays], day: date
) -> tuple[PolicyDocument, ...]:
    """What is said of a class on a day, the last of which counts most.

    Args:
        versions: Of all classes.
        default: Name of the default class.
        groups: That the point is in; of several that are a class, the first by name counts.
        day: Local.
    """
    names = sorted(entry.group for entry in groups if entry.holds_on(day))
    of_groups = (_in_force(versions, name, day) for name in names)
    documents = (
        _in_force(versions, default, day),
        next((entry for entry in of_groups if entry is not None), None),
    )
    return tuple(entry for entry in documents if entry is not None)


def _in_force(
    versions: Sequence[PolicyVersion], class_name: str, day: date
) -> PolicyDocument | None:
    """The version of a class with the latest first day, the newest of those."""
    begun = [
        entry for entry in versions if entry.class_name == class_name and entry.effective <= day
    ]
    newest = max(begun, key=lambda entry: (entry.effective, entry.version), default=None)
    return None if newest is None else newest.document


def drafted(
    versions: Sequence[PolicyVersion], class_name: str, document: PolicyDocument
) -> list[PolicyVersion]:
    """The versions as they would be, had a class always had a document."""
    draft = PolicyVersion(class_name, 1, date.min, document)
    return [*(entry for entry in versions if entry.class_name != class_name), draft]


@dataclass(frozen=True, slots=True)
class PoliciesInForce:
    """What judges some channels.

    Args:
        versions: Of all classes.
        storms: Those that may touch the channels' days.
        groups: Of the channels' points, by channel.
    """

    versions: Sequence[PolicyVersion] = ()
    storms: Sequence[Storm] = ()
    groups: Mapping[int, Sequence[GroupDays]] = field(default_factory=dict)

    def policy(self, channel: PointChannel, day: date) -> Policy:
        """What judges a channel on a day.

        Its default class with the version in force, and over that the policy of the point's group
        that is a class; of several such groups the first by name.
        """
        name = default_class(channel)
        if not self.versions:
            return class_policy(name, ())
        groups = self.groups.get(channel.id, ())
        return class_policy(name, documents_in_force(self.versions, name, groups, day))

    @property
    def wait(self) -> bool:
        """Whether missing days of any class are estimated after some days, held or not."""
        documents = (entry.document.thresholds for entry in self.versions)
        given = (value for pairs in documents for name, value in pairs if name == WAITING.name)
        defaults = (policy.estimate_after_days for policy in DEFAULT_POLICIES.values())
        return any(given) or any(defaults)

    def with_draft(self, class_name: str, document: PolicyDocument) -> PoliciesInForce:
        """The policies as they would be, had a class always had a document."""
        return replace(self, versions=drafted(self.versions, class_name, document))

    def raised(
        self, channel: PointChannel, day: Interval, local: date, findings: Sequence[VeeFinding]
    ) -> tuple[VeeFinding, ...]:
        """The findings of a day that are raised: those of suspended rules are not.

        Args:
            channel: Whose day.
            day: Its instants.
            local: Its date.
            findings: What rules found.

        Returns:
            The others, and one that says which storms suspend what, where any does.
        """
        if not self.storms:
            return tuple(findings)
        groups = {entry.group for entry in self.groups.get(channel.id, ()) if entry.holds_on(local)}
        storms = [
            (entry, within)
            for entry in self.storms
            if entry.group in groups and (within := entry.within(day)) is not None
        ]
        if not storms:
            return tuple(findings)
        suspended = frozenset[str]().union(*(entry.rules for entry, _ in storms))
        stay = [entry for entry in findings if entry.code not in suspended]
        figures = {
            "storms": ",".join(str(entry.id) for entry, _ in storms),
            "groups": ",".join(sorted({entry.group for entry, _ in storms})),
            "suspended": ",".join(sorted(suspended)),
            "not_raised": ",".join(sorted({entry.code for entry in findings} & suspended)),
        }
        first = min(within.start for _, within in storms)
        last = max(within.end for _, within in storms)
        reasons = "; ".join(dict.fromkeys(entry.reason for entry, _ in storms))
        message = f"Rules were suspended for a storm: {reasons}"
        return (*stay, STORM_MODE.finding(Interval(first, last), message, figures))
