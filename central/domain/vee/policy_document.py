"""A policy document: where the rules of a class draw their lines, and which are on and off.

Its names and kinds are those of rules and estimators, so that a document follows from them and from
nothing else: thresholds by name, codes of rules, names of estimators, and the class's profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import yaml

from central.domain.vee.catalogue import OWNED_THRESHOLDS
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.estimators import CHOSEN
from central.domain.vee.policy import Policy
from central.domain.vee.rule import Limits, ThresholdValue, VeeRule
from central.domain.vee.rules import RULES
from central.domain.vee.threshold_text import threshold_text, threshold_value
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

_MOST = 20_000
_KEYS = ("thresholds", "off", "on", "estimators", "profile")
_NAME_MOST = 200
_THRESHOLDS = {
    threshold.name: threshold for _, thresholds in OWNED_THRESHOLDS for threshold in thresholds
}
_ESTIMATORS = {estimator.name: estimator for estimator in CHOSEN}
_ESTIMATOR_REMEDY = f"Name some of {', '.join(_ESTIMATORS)}, each once."
_RULES: dict[str, VeeRule] = {rule.code: rule for rule in RULES}


class PolicyRefusedError(OperatorError):
    """A policy document is not one."""

    code = "VEE_POLICY_REFUSED"
    default_remedy = "`vee rules` lists the rules and their thresholds."


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

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read YAML or JSON, such as `{thresholds: {zero_days: 7}, off: [HIGH_USE]}`.

        Raises:
            PolicyRefusedError: It is not a document, or names what no rule has.
        """
        if len(text) > _MOST:
            message = f"The document has {len(text)} characters; {_MOST} are the most."
            raise PolicyRefusedError(message, value=len(text))
        try:
            # Every scalar is text, so that no number becomes a float.
            loaded = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text alone
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            why = " ".join(str(error).split())
            message = f"The document is not valid YAML: {why}."
            raise PolicyRefusedError(message, value=text[:80]) from None
        return cls.of(loaded or {})

    @classmethod
    def of(cls, loaded: object) -> Self:
        """Read what was loaded: mappings, lists and text alone.

        Raises:
            PolicyRefusedError: It is not a document, or names what no rule has.
        """
        if not isinstance(loaded, dict) or not set(loaded) <= set(_KEYS):
            message = f"The document is not a mapping with {', '.join(_KEYS)}."
            raise PolicyRefusedError(message, value=loaded)
        given = loaded.get("thresholds") or {}
        if not isinstance(given, dict):
            message = "The thresholds of the document are not a mapping of names to values."
            raise PolicyRefusedError(message, value=given)
        thresholds = sorted((name, _value(name, text)) for name, text in given.items())
        off, on = (_codes(loaded, key) for key in ("off", "on"))
        if both := off & on:
            message = f"{', '.join(sorted(both))} is both on and off."
            raise PolicyRefusedError(message, value=both)
        if never := {code for code in off if not _RULES[code].accepted}:
            message = f"{', '.join(sorted(never))} cannot be switched off: bills hold for it."
            raise PolicyRefusedError(message, value=never)
        return cls(tuple(thresholds), off, on, _estimators(loaded), _profile(loaded))

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


def _value(name: object, text: object) -> ThresholdValue:
    threshold = _THRESHOLDS.get(str(name))
    if threshold is None:
        message = f"No rule has a threshold {name!r}."
        raise PolicyRefusedError(message, value=name)
    try:
        value = threshold_value(threshold.kind, str(text))
    except InvalidValueError as error:
        message = f"{name}: {error.message}"
        raise PolicyRefusedError(message, value=text) from None
    if not value and not threshold.may_be_zero:
        message = f"{name} has to be more than zero."
        raise PolicyRefusedError(message, value=text)
    return value


def _codes(loaded: Mapping[str, Any], key: str) -> frozenset[str]:
    codes = loaded.get(key) or []
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        message = f"`{key}` of the document is not a list of codes."
        raise PolicyRefusedError(message, value=codes)
    if unknown := [code for code in codes if code not in _RULES]:
        message = f"There is no rule {unknown[0]!r}."
        raise PolicyRefusedError(message, value=unknown)
    return frozenset(codes)


def _estimators(loaded: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = loaded.get("estimators")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        message = "`estimators` of the document is not a list of names."
        raise PolicyRefusedError(message, value=names, remedy=_ESTIMATOR_REMEDY)
    if unknown := [name for name in names if name not in _ESTIMATORS]:
        message = f"There is no estimator {unknown[0]!r} that a policy may name."
        raise PolicyRefusedError(message, value=unknown, remedy=_ESTIMATOR_REMEDY)
    if len(set(names)) != len(names):
        message = "`estimators` of the document names one twice."
        raise PolicyRefusedError(message, value=names, remedy=_ESTIMATOR_REMEDY)
    return tuple(names)


def _profile(loaded: Mapping[str, Any]) -> str | None:
    name = loaded.get("profile")
    if name is not None and (not isinstance(name, str) or len(name) > _NAME_MOST):
        message = "`profile` of the document is not the name of a series."
        raise PolicyRefusedError(message, value=name)
    return name


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
    values, off = dict(policy.limits.values), policy.off
    estimators, profile = policy.estimators, policy.profile
    for document in documents:
        values |= dict(document.thresholds)
        off = (off | document.off) - document.on
        if document.estimators is not None:
            estimators = tuple(_ESTIMATORS[name] for name in document.estimators)
        profile = profile if document.profile is None else document.profile
    return Policy(Limits(values), off, estimators, profile)
