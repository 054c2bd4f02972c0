"""The API's routers, one module per thing.

Each turns a request into a use-case and its result into a schema. They do not compute, and hold no
state.
"""

from __future__ import annotations

from fastapi import APIRouter

from central.api.routers import (
    accounts,
    agreed_facts,
    alerts,
    allocations,
    audit,
    bill_questions,
    bills,
    channels,
    claim_conflicts,
    commands,
    consumption,
    correction_limits,
    correction_rules,
    corrections,
    cycles,
    decided_days,
    enrolment,
    erasure,
    exceptions,
    figures,
    gateways,
    health,
    invoicing,
    ledger,
    meters,
    moves,
    notices,
    oneself,
    people,
    pilots,
    points,
    reconciliation,
    schedules,
    settings,
    shadow_bills,
    suppressions,
    tables,
    unbilled,
    usage_events,
    withdrawals,
)


def all_routers() -> tuple[APIRouter, ...]:
    """Every router of the API."""
    return tuple(
        module.router
        for module in (
            usage_events,  # first: a request looks for its path from here on, and it has most
            health,
            gateways,
            enrolment,
            meters,
            channels,
            points,
            decided_days,
            accounts,
            bills,
            bill_questions,
            invoicing,
            commands,
            agreed_facts,
            erasure,
            claim_conflicts,
            correction_limits,
            correction_rules,
            corrections,
            cycles,
            ledger,
            moves,
            alerts,
            consumption,
            notices,
            pilots,
            reconciliation,
            figures,
            withdrawals,
            schedules,
            settings,
            exceptions,
            suppressions,
            shadow_bills,
            tables,
            allocations,
            unbilled,
            audit,
            oneself,
            people,
        )
    )
