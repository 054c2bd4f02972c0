"""`meterline-central checks`: what judges bills before they are drafts, and its policies."""

from __future__ import annotations

from typing import Annotated

import typer

from central.cli.class_policies import (
    ClassName,
    DocumentFile,
    PolicyKind,
    TrialMonth,
    policy_group,
    print_trial,
    trial_days,
)
from central.cli.output import AsJson, answered, group, listed, settings, wait_for
from central.cli.vee import TextLanguage
from central.domain.billing.check_policy import CHECK_SCHEMA, DEFAULT_LIMITS
from central.domain.billing.checks import CHECKS
from central.domain.vee.threshold_text import threshold_text
from central.process.stores import open_stores
from central.service.billing.try_checks import CheckTrial, TryChecks

checks = group("List the checks of bills, and set their policies.")
_KIND = PolicyKind(
    "meterline-checks", CHECK_SCHEMA, DEFAULT_LIMITS, lambda stores: stores.check_policies
)
policy = policy_group("Show, try and set how the bills of a class are judged.", _KIND)
checks.add_typer(policy, name="policy")


@checks.command("list")
@answered
def list_command(
    language: Annotated[
        TextLanguage, typer.Option(help="Language of the texts.")
    ] = TextLanguage.ENGLISH,
    *,
    as_json: AsJson = False,
) -> None:
    """List the checks of bills: code, when, and thresholds with their defaults."""
    rows = [
        {
            "code": check.code,
            "severity": check.severity.value,
            "when": getattr(check.text, language.value),
            "thresholds": ", ".join(
                f"{entry.name} {threshold_text(entry.default)}".strip()
                for entry in check.thresholds
            ),
        }
        for check in CHECKS
    ]
    listed(rows, as_json=as_json, nothing="There is no check.")


@policy.command("trial")
@answered
def trial_command(
    class_name: ClassName,
    file: DocumentFile,
    month: TrialMonth = None,
    parts: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Parts of bills at most, the oldest first.")
    ] = 100_000,
    *,
    as_json: AsJson = False,
) -> None:
    """Judge bills that end in a month by a draft: what it raises, and no longer raises.

    Nothing is changed.
    """
    document = CHECK_SCHEMA.parse(file.read_text(encoding="utf-8"))
    days = trial_days(month)

    async def work() -> CheckTrial:
        async with open_stores(settings(), _KIND.name) as stores:
            await _KIND.use(stores).require_class(class_name)
            return await TryChecks(stores.billed_parts)(class_name, document, days, parts)

    trial = wait_for(work())
    examples = [
        {
            "change": "raised" if entry.is_raised else "gone",
            "code": entry.finding.code,
            "bill": entry.bill,
            "message": entry.finding.message,
        }
        for entry in trial.examples
    ]
    sentence = f"{trial.parts} parts of bills were judged."
    print_trial(trial, {"parts": trial.parts}, sentence, examples, as_json=as_json)
