"""A policy document: where the rules of a class draw their lines, and which are on and off.

Its names and kinds are those of rules and estimators, so that a document follows from them and from
nothing else: thresholds by name, codes of rules, names of estimators, and the class's profile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from central.domain.vee.catalogue import OWNED_THRESHOLDS
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.estimators import CHOSEN
from central.domain.vee.policy import Policy
from central.domain.vee.rule import AnyThreshold, Limits, RuleKind, ThresholdValue
from central.domain.vee.rules import RULES
from central.domain.vee.threshold_text import threshold_text, threshold_value
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

_MOST = 20_000
_NAME_MOST = 200


class PolicyRefusedError(OperatorError):
    """A policy document is not one."""

    code = "VEE_POLICY_REFUSED"
    default_remedy = "Correct the document."


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """What a class does otherwise.

    Args:
        thresholds: Names with their values, by name.
        off: Codes of rules that do not judge the class.
        on: Codes of rules that do, though they do not without this document.
        estimators: Names of those that fill the class's gaps, in order; None where it does not say.
        profile: Name of the series that is the class's profile; None where it does not say.
    """

    thresholds: tuple[tuple[str, ThresholdValue], ...] = ()
    off: frozenset[str] = frozenset()
    on: frozenset[str] = frozenset()
    estimators: tuple[str, ...] | None = None
    profile: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The document as it is kept and printed; what is empty is left out."""
        whole = {
            "thresholds": {name: threshold_text(value) for name, value in self.thresholds},
            "off": sorted(self.off),
            "on": sorted(self.on),
        }
        where_named = {
            "estimators": None if self.estimators is None else list(self.estimators),
            "profile": self.profile,
        }
        return {key: value for key, value in whole.items() if value} | {
            key: value for key, value in where_named.items() if value is not None
        }


class PolicySchema:
    """What documents about some rules may say.

    Args:
        rules: Of which a document names codes.
        thresholds: That it names.
        listed_by: The command that lists them.
        refusal: The error of what is not such a document.
        estimators: Names of estimators that it may name, with a profile; empty where it names none.
    """

    def __init__(
        self,
        rules: Iterable[RuleKind],
        thresholds: Iterable[AnyThreshold],
        listed_by: str,
        refusal: type[PolicyRefusedError],
        estimators: Collection[str] = (),
    ) -> None:
        self._rules: dict[str, RuleKind] = {rule.code: rule for rule in rules}
        self._thresholds = {threshold.name: threshold for threshold in thresholds}
        self._estimators = tuple(estimators)
        self._keys = ("thresholds", "off", "on", *(("estimators", "profile") if estimators else ()))
        self._remedy = f"`{listed_by}` lists the rules and their thresholds."
        self._refusal = refusal

    def parse(self, text: str) -> PolicyDocument:
        """Read YAML or JSON, such as `{thresholds: {zero_days: 7}, off: [HIGH_USE]}`.

        Raises:
            PolicyRefusedError: It is not a document, or names what no rule has.
        """
        if len(text) > _MOST:
            message = f"The document has {len(text)} characters; {_MOST} are the most."
            raise self._refused(message, len(text))
        try:
            # Every scalar is text, so that no number becomes a float.
            loaded = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text alone
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            why = " ".join(str(error).split())
            message = f"The document is not valid YAML: {why}."
            raise self._refused(message, text[:80]) from None
        return self.of(loaded or {})

    def of(self, loaded: object) -> PolicyDocument:
        """Read what was loaded: mappings, lists and text alone.

        Raises:
            PolicyRefusedError: It is not a document, or names what no rule has.
        """
        if not isinstance(loaded, dict) or not set(loaded) <= set(self._keys):
            message = f"The document is not a mapping with {', '.join(self._keys)}."
            raise self._refused(message, loaded)
        given = loaded.get("thresholds") or {}
        if not isinstance(given, dict):
            message = "The thresholds of the document are not a mapping of names to values."
            raise self._refused(message, given)
        thresholds = sorted((name, self._value(name, text)) for name, text in given.items())
        off, on = (self._codes(loaded, key) for key in ("off", "on"))
        if both := off & on:
            message = f"{', '.join(sorted(both))} is both on and off."
            raise self._refused(message, both)
        if never := {code for code in off if not self._rules[code].accepted}:
            message = f"{', '.join(sorted(never))} cannot be switched off: bills hold for it."
            raise self._refused(message, never)
        named = self._named_estimators(loaded), self._profile(loaded)
        return PolicyDocument(tuple(thresholds), off, on, *named)

    def _value(self, name: object, given: object) -> ThresholdValue:
        threshold = self._thresholds.get(str(name))
        if threshold is None:
            message = f"No rule has a threshold {name!r}."
            raise self._refused(message, name)
        text = ", ".join(map(str, given)) if isinstance(given, list) else str(given)
        try:
            value = threshold_value(threshold.kind, text)
        except InvalidValueError as error:
            message = f"{name}: {error.message}"
            raise self._refused(message, text) from None
        if not value and not threshold.may_be_zero:
            message = f"{name} has to be more than zero."
            raise self._refused(message, text)
        return value

    def _codes(self, loaded: Mapping[str, Any], key: str) -> frozenset[str]:
        codes = loaded.get(key) or []
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            message = f"`{key}` of the document is not a list of codes."
            raise self._refused(message, codes)
        if unknown := [code for code in codes if code not in self._rules]:
            message = f"There is no rule {unknown[0]!r}."
            raise self._refused(message, unknown)
        return frozenset(codes)

    def _named_estimators(self, loaded: Mapping[str, Any]) -> tuple[str, ...] | None:
        names = loaded.get("estimators")
        if names is None:
            return None
        remedy = f"Name some of {', '.join(self._estimators)}, each once."
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            message = "`estimators` of the document is not a list of names."
            raise self._refusal(message, value=names, remedy=remedy)
        if unknown := [name for name in names if name not in self._estimators]:
            message = f"There is no estimator {unknown[0]!r} that a policy may name."
            raise self._refusal(message, value=unknown, remedy=remedy)
        if len(set(names)) != len(names):
            message = "`estimators` of the document names one twice."
            raise self._refusal(message, value=names, remedy=remedy)
        return tuple(names)

    def _profile(self, loaded: Mapping[str, Any]) -> str | None:
        name = loaded.get("profile")
        if name is not None and (not isinstance(name, str) or len(name) > _NAME_MOST):
            message = "`profile` of the document is not the name of a series."
            raise self._refused(message, name)
        return name

    def _refused(self, message: str, value: object) -> PolicyRefusedError:
        return self._refusal(message, value=value, remedy=self._remedy)


_ESTIMATORS = {estimator.name: estimator for estimator in CHOSEN}
VEE_SCHEMA = PolicySchema(
    RULES,
    (threshold for _, thresholds in OWNED_THRESHOLDS for threshold in thresholds),
    "vee rules",
    PolicyRefusedError,
    _ESTIMATORS,
)


@lru_cache(maxsize=1_024)
def class_policy(name: str, documents: tuple[PolicyDocument, ...]) -> Policy:
    """What judges a class: its defaults, with what documents say otherwise.

    Args:
        name: Of the default class.
        documents: The last of them counts most.
    """
    policy = DEFAULT_POLICIES[name]
    if not documents:
        return policy
    limits, off = with_documents(policy.limits, policy.off, documents)
    estimators, profile = policy.estimators, policy.profile
    for document in documents:
        if document.estimators is not None:
            estimators = tuple(_ESTIMATORS[name] for name in document.estimators)
        profile = profile if document.profile is None else document.profile
    return Policy(limits, off, estimators, profile)


def with_documents(
    limits: Limits, off: frozenset[str], documents: Iterable[PolicyDocument]
) -> tuple[Limits, frozenset[str]]:
    """Defaults with what documents say otherwise.

    Args:
        limits: Of the default class.
        off: Codes of its rules that are off.
        documents: The last of them counts most.
    """
    values = dict(limits.values)
    for document in documents:
        values |= dict(document.thresholds)
        off = (off | document.off) - document.on
    return Limits(values), off
