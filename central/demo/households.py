"""Who lives there, and what they use: made-up loads, the same at every run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import to_ms
from firmware_bridge.simulator.load import LoadSeries

STEP = timedelta(minutes=15)
_SATURDAY = 5
# A mean W for 900 s is W x 0.9 kWs: one decimal place.
_DIGITS = 1


@dataclass(frozen=True, slots=True)
class Household:
    """A customer with one meter.

    Args:
        account: Account number.
        name: Who pays.
        address: Where the meter hangs.
        point: Name of the service point.
        serial: Of the meter.
        work: Mean power in each hour of a working day. [W]
        rest: Mean power in each hour of any other day. [W]
        seed: Makes its noise its own.
    """

    account: str
    name: str
    address: tuple[str, ...]
    point: str
    serial: str
    work: tuple[int, ...]
    rest: tuple[int, ...]
    seed: int

    def load(self, within: Interval, zone: ZoneInfo) -> LoadSeries:
        """What this household uses in an interval, quarter-hour by quarter-hour.

        Args:
            within: Whole quarter-hours.
            zone: Its habits follow the local clock.
        """
        noise = Random(self.seed)  # noqa: S311 - a play, no secret
        energy = tuple(
            self._watts(step.start.astimezone(zone), noise) * 9 for step in within.split(STEP)
        )
        return LoadSeries(int(STEP.total_seconds()), energy, _DIGITS, to_ms(within.start))

    def _watts(self, local: datetime, noise: Random) -> int:
        habits = self.rest if local.weekday() >= _SATURDAY else self.work
        now, following = habits[local.hour], habits[(local.hour + 1) % 24]
        base = (now * (60 - local.minute) + following * local.minute) // 60
        appliance = noise.choice((0, 0, 0, 0, 0, 0, base // 2, base))
        return base + noise.randrange(base // 5 + 1) + appliance


def _hours(*halves: str) -> tuple[int, ...]:
    return tuple(int(watts) for half in halves for watts in half.split())


_FLAT = Household(
    account="A-1001",
    name="Lucía Ferrer",
    address=("Calle del Olmo 14, 3.º B", "28012 Madrid"),
    point="ES-MAD-0001",
    serial="26100001",
    work=_hours(
        "140 120 110 110 110 130 260 420 330 190 170 180",
        "210 260 240 190 180 220 340 520 640 580 390 220",
    ),
    rest=_hours(
        "170 130 120 110 110 110 140 210 330 420 440 430",
        "460 520 470 390 340 340 420 560 650 600 440 270",
    ),
    seed=1,
)
_HOUSE = Household(
    account="A-1002",
    name="Familia Ortega Ruiz",
    address=("Camino de la Fuente 3", "28290 Las Rozas"),
    point="ES-MAD-0002",
    serial="26100002",
    work=_hours(
        "620 480 430 420 430 520 880 1150 760 520 470 480",
        "560 690 640 560 610 860 1240 1580 1710 1480 1120 820",
    ),
    rest=_hours(
        "760 560 470 440 430 440 520 740 1010 1180 1210 1190",
        "1300 1420 1260 1040 960 1010 1260 1580 1720 1560 1240 950",
    ),
    seed=2,
)
_BAKERY = Household(
    account="A-1003",
    name="Horno San Blas S.L.",
    address=("Plaza de San Blas 1", "28037 Madrid"),
    point="ES-MAD-0003",
    serial="26100003",
    work=_hours(
        "900 1100 3400 5200 5600 5400 4700 3600 2900 2700 2600 2500",
        "2300 1900 1500 1400 1500 1900 2100 1800 1200 800 700 700",
    ),
    rest=_hours(
        "900 1200 3700 5600 5900 5700 5000 3900 3200 3000 2800 2600",
        "2200 1300 800 700 700 700 700 700 700 700 700 700",
    ),
    seed=3,
)
HOUSEHOLDS = (_FLAT, _HOUSE, _BAKERY)
