"""Why a tariff document is refused: findings with a code, a place and a remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from firmware_bridge.contract.errors import ConfigurationError


class Code(StrEnum):
    """Every reason to refuse a document. Stored and printed: a code is never renamed."""

    SYNTAX = "TARIFF_SYNTAX"
    DUPLICATE_KEY = "TARIFF_DUPLICATE_KEY"
    ALIAS = "TARIFF_ALIAS"
    TAG = "TARIFF_TAG"
    EMPTY = "TARIFF_EMPTY"
    OVERSIZE = "TARIFF_OVERSIZE"
    UNKNOWN_KEY = "TARIFF_UNKNOWN_KEY"
    MISSING_KEY = "TARIFF_MISSING_KEY"
    WRONG_TYPE = "TARIFF_WRONG_TYPE"
    NOT_A_NUMBER = "TARIFF_NOT_A_NUMBER"
    OUT_OF_RANGE = "TARIFF_OUT_OF_RANGE"
    NOT_A_DATE = "TARIFF_NOT_A_DATE"
    NOT_A_CHOICE = "TARIFF_NOT_A_CHOICE"
    BAD_NAME = "TARIFF_BAD_NAME"
    DUPLICATE_NAME = "TARIFF_DUPLICATE_NAME"
    UNKNOWN_ZONE = "TARIFF_UNKNOWN_ZONE"
    UNKNOWN_CURRENCY = "TARIFF_UNKNOWN_CURRENCY"
    UNKNOWN_HOLIDAYS = "TARIFF_UNKNOWN_HOLIDAYS"
    BAD_TIME_RANGE = "TARIFF_BAD_TIME_RANGE"
    SEASONS_OVERLAP = "TARIFF_SEASONS_OVERLAP"
    SEASONS_GAP = "TARIFF_SEASONS_GAP"
    DAYS_GAP = "TARIFF_DAYS_GAP"
    UNREACHABLE_DAYS = "TARIFF_UNREACHABLE_DAYS"
    PERIODS_OVERLAP = "TARIFF_PERIODS_OVERLAP"
    PERIODS_GAP = "TARIFF_PERIODS_GAP"
    TWO_RESTS = "TARIFF_TWO_RESTS"
    UNKNOWN_SEASON = "TARIFF_UNKNOWN_SEASON"
    UNKNOWN_DAY_TYPE = "TARIFF_UNKNOWN_DAY_TYPE"
    UNKNOWN_PERIOD = "TARIFF_UNKNOWN_PERIOD"
    UNKNOWN_SCHEDULE = "TARIFF_UNKNOWN_SCHEDULE"
    UNKNOWN_SERIES = "TARIFF_UNKNOWN_SERIES"
    UNKNOWN_DETERMINANT = "TARIFF_UNKNOWN_DETERMINANT"
    UNKNOWN_CHARGE = "TARIFF_UNKNOWN_CHARGE"
    UNKNOWN_FACT = "TARIFF_UNKNOWN_FACT"
    UNKNOWN_BANK = "TARIFF_UNKNOWN_BANK"
    UNKNOWN_STATE = "TARIFF_UNKNOWN_STATE"
    WRONG_FACT_KIND = "TARIFF_WRONG_FACT_KIND"
    MISSING_PRICE = "TARIFF_MISSING_PRICE"
    PERIODS_NEED_A_SPLIT = "TARIFF_PERIODS_NEED_A_SPLIT"
    TIERS_NOT_ASCENDING = "TARIFF_TIERS_NOT_ASCENDING"
    TIERS_NOT_CLOSED = "TARIFF_TIERS_NOT_CLOSED"
    TIER_UNIT = "TARIFF_TIER_UNIT"
    TIER_BOUNDS_DIFFER = "TARIFF_TIER_BOUNDS_DIFFER"
    BAD_WINDOW = "TARIFF_BAD_WINDOW"
    BAD_EXPRESSION = "TARIFF_BAD_EXPRESSION"
    MAY_DIVIDE_BY_ZERO = "TARIFF_MAY_DIVIDE_BY_ZERO"
    NO_DAYS_OF_MONTH = "TARIFF_NO_DAYS_OF_MONTH"
    NO_TAX_POINT = "TARIFF_NO_TAX_POINT"
    PARAMETER_NOT_SET = "TARIFF_PARAMETER_NOT_SET"
    WINDOW_ASTRIDE = "TARIFF_WINDOW_ASTRIDE"
    NO_NETTING_PERIOD = "TARIFF_NO_NETTING_PERIOD"
    CYCLE = "TARIFF_CYCLE"
    NO_BASE = "TARIFF_NO_BASE"
    CONFLICT = "TARIFF_CONFLICT"
    WITHOUT_EFFECT = "TARIFF_WITHOUT_EFFECT"
    NOTHING_TO_CHARGE = "TARIFF_NOTHING_TO_CHARGE"
    NOT_SUPPORTED = "TARIFF_NOT_SUPPORTED"
    VERSIONS_OVERLAP = "TARIFF_VERSIONS_OVERLAP"
    NO_VERSION = "TARIFF_NO_VERSION"


REFUSED_LATER = frozenset(
    {
        Code.UNKNOWN_CURRENCY,
        Code.MAY_DIVIDE_BY_ZERO,
        Code.NO_DAYS_OF_MONTH,
        Code.NO_TAX_POINT,
        Code.WINDOW_ASTRIDE,
        Code.NO_NETTING_PERIOD,
        Code.WITHOUT_EFFECT,
    }
)
"""What earlier releases accepted: such a document stays readable, with what it meant then."""


@dataclass(frozen=True, slots=True)
class TariffFinding:
    """One reason, with its place in the file.

    Args:
        code: What kind of mistake.
        file: Name of the document, as it was given.
        line: Line of the mistake, from 1.
        path: Keys and indexes down to the place, as `charges[2].price`.
        message: One sentence that says what is wrong.
        remedy: One sentence that says what to write instead.
    """

    code: Code
    file: str
    line: int
    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code} at {self.path}: {self.message} {self.remedy}"

    def to_json(self) -> dict[str, object]:
        """The finding as a JSON object."""
        return {
            "code": str(self.code),
            "file": self.file,
            "line": self.line,
            "path": self.path,
            "message": self.message,
            "remedy": self.remedy,
        }


class TariffRefusedError(ConfigurationError):
    """A tariff document cannot be used; every reason found is in `findings`.

    Args:
        findings: At least one, in the order of the file.
    """

    code = "TARIFF_REFUSED"

    def __init__(self, findings: Iterable[TariffFinding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, self.findings)), value=self.findings)

    def as_object(self) -> dict[str, Any]:
        """As a command's `--json` has it, with every reason by itself."""
        count = len(self.findings)
        return {
            "code": self.code,
            "message": f"The tariff has {count} fault{'s' * (count > 1)}.",
            "remedy": self.findings[0].remedy,
            "findings": [finding.to_json() for finding in self.findings],
        }
