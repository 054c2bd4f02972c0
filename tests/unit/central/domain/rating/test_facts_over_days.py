"""The values of a fact over days are those of each day, in runs."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.segments import DayRange

JUNE = DayRange(date(2026, 6, 1), date(2026, 7, 1))


def test_runs_of_a_fact_say_what_each_day_says() -> None:
    draw = random.Random(12)  # noqa: S311 - not for secrets
    for _ in range(200):
        facts = AgreementFacts(
            tuple(
                Fact(
                    draw.choice(["kw", "other"]),
                    Decimal(draw.randint(1, 9)),
                    date(2026, 5, 20) + timedelta(days=draw.randint(0, 50)),
                )
                for _ in range(draw.randint(0, 6))
            )
        )
        runs = list(facts.over("kw", JUNE))
        by_day = {day: value for value, days in runs for day in days.days()}
        assert by_day == {day: facts.at("kw", day) for day in JUNE.days()}
        assert [days.first for _, days in runs[1:]] == [days.end for _, days in runs[:-1]]
