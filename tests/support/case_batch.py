"""A batch of meters that differ in what they counted, and share the rest with a bill case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.rate import rate
from central.service.rating.bill_case import BillCase
from central.service.rating.resolve_calendar import resolve_calendar

METERS = 5


def changed(blocks: Mapping[str, Sequence[DayBlock]], number: int) -> dict[str, list[DayBlock]]:
    """What another meter counted: the first as given, the others a little otherwise."""
    return {
        name: [
            replace(
                block,
                channel_id=block.channel_id + 1000 * number,
                values=np.where(
                    block.values == NULL,
                    NULL,
                    block.values + number * (np.arange(len(block.values)) % (3 + number)),
                ),
            )
            for block in blocks_of_input
        ]
        for name, blocks_of_input in blocks.items()
    }


def batch_of(case: BillCase) -> tuple[list[Meter], Terms]:
    """Some meters with the bill of a case."""
    documents = [version.document for version in case.versions]
    terms = Terms(
        case.versions,
        resolve_calendar(documents, case.days.first.year - 1, case.days.end.year),
        case.days,
        case.period,
        case.prices,
        ending=case.ending,
        document_days=case.document_days,
    )
    meters = [
        Meter(
            changed(case.blocks, number),
            case.facts,
            case.opening,
            tuple(case.grants),
            (),
            case.events,
        )
        for number in range(METERS)
    ]
    return meters, terms


def alone(meter: Meter, terms: Terms) -> Rated:
    """The bill of one of them, rated by itself."""
    return rate(
        meter.blocks,
        meter.facts,
        terms.versions,
        terms.calendar,
        terms.days,
        period=terms.period,
        ending=terms.ending,
        opening=meter.opening,
        prices=terms.prices,
        grants=meter.grants,
        events=meter.events,
        document_days=terms.document_days,
    )
