"""Set how a class is judged: its days by the rules of validation, or its bills by checks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime

from central.domain.actor import Actor
from central.domain.vee.policy_document import PolicyDocument
from central.service.ports.class_policies import ClassPolicyStore
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import InvalidValueError, OperatorError


class NoSuchClassError(OperatorError):
    """There is no class or group of that name."""

    code = "NO_SUCH_CLASS"
    default_remedy = "Take a default class of the reference, or a group of `group list`."


class ClassPolicies:
    """The use-cases.

    Args:
        store: Where policies are kept.
        defaults: Names of the classes that there are without any group.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: ClassPolicyStore,
        defaults: Collection[str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policies = store
        self._defaults = defaults
        self._clock = clock

    async def set_policy(
        self, class_name: str, document: PolicyDocument, effective: date, note: tuple[Actor, str]
    ) -> int:
        """Enter the next version of a class's policy. What is judged already stays as it is.

        Args:
            class_name: A default class, or a group of points.
            document: What it does otherwise.
            effective: The first local day that it judges.
            note: Who, and why.

        Returns:
            Its number.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchClassError: There is no such class.
        """
        await self.require_class(class_name)
        return await self._policies.add_policy(class_name, effective, document, self._noted(*note))

    async def require_class(self, class_name: str) -> None:
        """Refuse a name that is neither a default class nor a group of points.

        Raises:
            NoSuchClassError: It is not.
        """
        if class_name not in self._defaults and not await self._policies.has_group(class_name):
            message = f"{class_name!r} is neither a default class nor a group of points."
            raise NoSuchClassError(message, value=class_name)

    def _noted(self, actor: Actor, reason: str) -> DecisionNote:
        if not reason.strip():
            message = "A policy or a storm needs a reason."
            raise InvalidValueError(message, value=reason)
        return DecisionNote(actor, reason, self._clock())
