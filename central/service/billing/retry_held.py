"""Try held bills again, night after night."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from central.domain.actor import Actor
from central.domain.billing.planned import RunReach
from central.service.billing.frozen_workers import TAKEOVER_S
from central.service.billing.run_bills import RunBills
from central.service.halved import NOBODYS, error_text
from central.service.ports.bill_window import BillWindowStore, HeldRun
from central.service.ports.billing import BillingStore
from firmware_bridge.contract.errors import OperatorError

_ACTOR = Actor.job("bill")
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class RetryTally:
    """What became of the runs.

    Args:
        runs: Runs that were continued.
        held: Bills of them that are still held.
        failed: Runs that failed; they are tried again the next night.
    """

    runs: int = 0
    held: int = 0
    failed: int = 0


async def retry_held(
    window: BillWindowStore,
    bills: BillingStore,
    clock: Callable[[], datetime],
    shard_size: int,
    takeover_s: float = TAKEOVER_S,
) -> RetryTally:
    """Try every held bill again, the earliest run first.

    A run does all that is due until its end, so of several that differ in nothing but their end
    only the newest is continued: otherwise the work of a night would grow with the square of the
    months that a bill is held.

    Args:
        window: Which runs.
        bills: Where bills are kept.
        clock: Now, aware.
        shard_size: Accounts billed at a time.
        takeover_s: How long another worker's transaction may keep a shard. [s]

    Raises:
        StoreUnavailableError: What was committed stays; call again.
    """
    return await do_runs(_newest(await window.held_runs()), bills, clock, shard_size, takeover_s)


async def do_runs(
    runs: Iterable[HeldRun],
    bills: BillingStore,
    clock: Callable[[], datetime],
    shard_size: int,
    takeover_s: float = TAKEOVER_S,
) -> RetryTally:
    """Start or continue runs, one after the other; one that fails stops no other.

    Args:
        runs: Which.
        bills: Where bills are kept.
        clock: Now, aware.
        shard_size: Accounts billed at a time.
        takeover_s: How long another worker's transaction may keep a shard. [s]

    Raises:
        StoreUnavailableError: What was committed stays; call again.
    """
    tally = RetryTally()
    use_case = RunBills(bills, clock, shard_size, takeover_s)
    for held in runs:
        try:
            run = await use_case.start(held.cycle, _ACTOR, held.run_type, held.scope)
            await use_case.work(run)
            tally.held += (await bills.summary(run)).held_count
        except OperatorError as error:
            _log.warning("run_not_retried", cycle=str(held.cycle), reason=error.message)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one run does, others go on
            tally.failed += 1
            _log.error("run_not_retried", cycle=str(held.cycle), error=error_text(error))
        else:
            tally.runs += 1
    return tally


def _newest(runs: Iterable[HeldRun]) -> list[HeldRun]:
    """Of runs that take in the bills of earlier ones, the last; a final run takes in its own."""
    newest: dict[object, tuple[RunReach, HeldRun]] = {}
    for run in runs:
        reach = RunReach.of(run.cycle, run.run_type)
        key = (run.run_type, run.scope, reach.cycle, reach.end if reach.ended else None)
        if key not in newest or newest[key][0].end < reach.end:
            newest[key] = (reach, run)
    return [run for _, run in newest.values()]
