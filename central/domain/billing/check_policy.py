"""What judges the bills of a class: the checks that are on, and where they draw their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from central.domain.billing.bill_check import BillFinding, JudgedPart
from central.domain.billing.checks import CHECKS, high, low
from central.domain.billing.part_use import PartUse
from central.domain.vee.policies_in_force import (
    GroupDays,
    PolicyVersion,
    documents_in_force,
    drafted,
)
from central.domain.vee.policy_document import (
    PolicyDocument,
    PolicyRefusedError,
    PolicySchema,
    with_documents,
)
from central.domain.vee.rule import Limits


class CheckPolicyRefusedError(PolicyRefusedError):
    """A policy document of bill checks is not one."""

    code = "CHECK_POLICY_REFUSED"


CHECK_SCHEMA = PolicySchema(
    CHECKS,
    (threshold for check in CHECKS for threshold in check.thresholds),
    "checks list",
    CheckPolicyRefusedError,
)
DEFAULT_LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        "electricity": Limits(),
        # A household uses a third of a cubic metre of water a day, of gas up to ten in winter.
        "volume": Limits(
            {high.FLOOR.name: Fraction(1), low.FLOOR.name: Fraction(1, 10)},
        ),
        "other": Limits(),
    }
)
"""Where checks draw their lines without a policy, by default class: what is delivered in kWh, what
in m3, and what delivers nothing."""
_CLASSES = {"kWh": "electricity", "m3": "volume"}


def default_class(judged: JudgedPart) -> str:
    """The class of a part whose point is in no group that is one."""
    if judged.use.used is None and not judged.settles:
        return "other"
    return _CLASSES.get(judged.use.unit, "other")


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """What judges the bills of a class.

    Args:
        limits: Thresholds that differ from their defaults.
        off: Codes of checks that do not judge them.
    """

    limits: Limits = field(default_factory=Limits)
    off: frozenset[str] = frozenset()

    def judge(self, judged: JudgedPart, history: Sequence[PartUse]) -> tuple[BillFinding, ...]:
        """What checks find in a part, in their order.

        Args:
            judged: The part.
            history: Earlier parts of its occupancy, ascending.
        """
        return tuple(
            finding
            for check in CHECKS
            if check.code not in self.off
            for finding in check.judge(judged, self.limits, history)
        )


@dataclass(frozen=True, slots=True)
class CheckPolicies:
    """What judges some bills.

    Args:
        versions: Of all classes.
        groups: Of points, by their names.
    """

    versions: Sequence[PolicyVersion] = ()
    groups: Mapping[str, Sequence[GroupDays]] = field(default_factory=dict)

    def policy(self, judged: JudgedPart) -> CheckPolicy:
        """What judges a part, as of its last day."""
        name, day = default_class(judged), judged.use.days.last
        groups = self.groups.get(judged.point, ())
        return _class_policy(name, documents_in_force(self.versions, name, groups, day))

    def with_draft(self, class_name: str, document: PolicyDocument) -> CheckPolicies:
        """The policies as they would be, had a class always had a document."""
        return replace(self, versions=drafted(self.versions, class_name, document))

    def is_of(self, judged: JudgedPart, class_name: str) -> bool:
        """Whether a part is of a class, on its last day."""
        if class_name in DEFAULT_LIMITS:
            return default_class(judged) == class_name
        last: date = judged.use.days.last
        groups = self.groups.get(judged.point, ())
        return any(entry.group == class_name and entry.holds_on(last) for entry in groups)


@lru_cache(maxsize=1_024)
def _class_policy(name: str, documents: tuple[PolicyDocument, ...]) -> CheckPolicy:
    return CheckPolicy(*with_documents(DEFAULT_LIMITS[name], frozenset(), documents))
