"""Try a policy of checks on the bills of a month: what it raises, and no longer raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from central.domain.billing.bill_check import HISTORY_DAYS, BillFinding
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policy_document import PolicyDocument
from central.service.billing.check_bills import judge
from central.service.ports.billed_parts import BilledPart, BilledPartStore

EXAMPLES = 5
"""How many examples of each code are kept."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class CheckExample:
    """A finding that a draft raises, or no longer raises.

    Args:
        bill: Account and period.
        finding: It.
        is_raised: Whether the draft raises it.
    """

    bill: str
    finding: BillFinding
    is_raised: bool


@dataclass(slots=True)
class CheckTrial:
    """What a draft does to the bills of a month.

    Args:
        parts: How many parts of bills were judged.
        before: What is raised by what is in force, by code.
        raised: What only the draft raises, by code.
        gone: What the draft raises no longer, by code.
        examples: The first of each.
    """

    parts: int = 0
    before: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    examples: list[CheckExample] = field(default_factory=list)

    def add(
        self, billed: BilledPart, current: Sequence[BillFinding], drafted: Sequence[BillFinding]
    ) -> None:
        """Count a part under what is in force, and under the draft."""
        self.parts += 1
        now, then = ({entry.code: entry for entry in listed} for listed in (current, drafted))
        self.before.update(now.keys())
        for counter, findings, others, is_raised in (
            (self.raised, then, now, True),
            (self.gone, now, then, False),
        ):
            for code in sorted(findings.keys() - others.keys()):
                counter[code] += 1
                if counter[code] <= EXAMPLES:
                    self.examples.append(CheckExample(billed.bill, findings[code], is_raised))


class TryChecks:
    """The use-case. It changes nothing.

    Args:
        store: Where parts of bills are.
    """

    def __init__(self, store: BilledPartStore) -> None:
        self._store = store

    async def __call__(
        self, class_name: str, document: PolicyDocument, days: DayRange, most: int
    ) -> CheckTrial:
        """Judge parts of a class twice, with the history that is known today.

        Args:
            class_name: A default class, or a group of points.
            document: The draft.
            days: In which the parts end.
            most: How many parts at most, the first by key.
        """
        trial, after = CheckTrial(), 0
        while trial.parts < most:
            parts = await self._store.billed_parts(days, after, _AT_ONCE)
            if not parts:
                break
            after = parts[-1].id
            inputs = await self._store.inputs_of([billed.asked for billed in parts], HISTORY_DAYS)
            policies = inputs.policies.with_draft(class_name, document)
            draft = replace(inputs, policies=policies)
            of_class = [billed for billed in parts if policies.is_of(billed.judged, class_name)]
            for billed in of_class[: most - trial.parts]:
                history = inputs.history.get(billed.asked.key, ())
                current = judge(billed.judged, history, inputs)
                trial.add(billed, current, judge(billed.judged, history, draft))
        return trial
