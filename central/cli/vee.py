"""`meterline-central vee`: the rules that judge days."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from central.cli.output import AsJson, answered, group, listed
from central.domain.vee.catalogue import KINDS
from central.domain.vee.finding import FindingKind
from central.domain.vee.rule import VeeRule
from central.domain.vee.threshold_text import threshold_text

vee = group("List the rules of validation.")


class TextLanguage(StrEnum):
    """A language of the rules' texts."""

    ENGLISH = "en"
    SPANISH = "es"


@vee.command("rules")
@answered
def rules_command(
    language: Annotated[
        TextLanguage, typer.Option(help="Language of the texts.")
    ] = TextLanguage.ENGLISH,
    *,
    as_json: AsJson = False,
) -> None:
    """List all findings of validation: code, severity, when, and thresholds with their defaults."""
    rows = [_row(kind, language) for kind in KINDS]
    listed(rows, as_json=as_json, nothing="There is no rule.")


def _row(kind: FindingKind, language: TextLanguage) -> dict[str, Any]:
    thresholds = kind.thresholds if isinstance(kind, VeeRule) else ()
    return {
        "code": kind.code,
        "severity": kind.severity.value,
        "accepted": kind.accepted,
        "when": getattr(kind.text, language.value),
        "thresholds": ", ".join(f"{one.name} {threshold_text(one.default)}" for one in thresholds),
    }
