from __future__ import annotations

import pytest

from central.domain.rating.columnar import eligibility
from central.domain.rating.columnar.eligibility import is_alone, obstacles_of
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.service.rating.tariff_library import library_names, library_tariff
from tests.support.data import REPOSITORY

FOLDER = REPOSITORY / "docs" / "reference" / "tariffs"
WORKED = sorted(f.stem for f in FOLDER.glob("*.yaml") if not f.name.endswith(".bill.yaml"))


def worked(name: str) -> TariffDocument:
    return load_tariff((FOLDER / f"{name}.yaml").read_text())


def words(name: str) -> set[str]:
    return {reason.partition(":")[0] for reason in obstacles_of([worked(name)])}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("residential-tou", set()),
        ("commercial-tou-demand", {"tiers"}),
        ("tiers-volume-tou", set()),
        ("spot", set()),
        ("net-metering", set()),
        ("net-billing", {"money_banks"}),
        ("budget-billing", {"settlement"}),
        ("power-factor", set()),
        ("ratchet", set()),
        ("daily-demand", {"steps"}),
        ("conjunctive", {"on_change", "determinants"}),
    ],
)
def test_a_tariff_names_what_columns_cannot_hold(name: str, expected: set[str]) -> None:
    assert words(name) == expected


def test_every_obstacle_stands_in_the_way_of_some_worked_tariff() -> None:
    met = {reason for name in WORKED for reason in obstacles_of([worked(name)])}
    assert met == set(eligibility._OBSTACLES)


def test_versions_in_two_time_zones_are_rated_one_by_one() -> None:
    text = (FOLDER / "residential-tou.yaml").read_text()
    here = load_tariff(text)
    there = load_tariff(text.replace(here.zone, "Atlantic/Canary"))
    assert obstacles_of([here, here]) == ()
    assert obstacles_of([here, there]) == ("zone: days are cut in another way from a version on",)


def test_a_meter_without_anything_of_its_own_shares_a_batch() -> None:
    assert not is_alone(CarriedState(), ())


def test_the_reference_says_which_share_is_priced_as_columns() -> None:
    library = [library_tariff(name) for name in library_names()]
    shares = [
        f"{sum(not obstacles_of([one]) for one in documents)} of {len(documents)}"
        for documents in (library, [worked(name) for name in WORKED])
    ]
    text = " ".join((REPOSITORY / "docs" / "reference" / "rating.md").read_text().split())
    assert f"{shares[0]} tariffs are priced as columns, of the worked examples {shares[1]}" in text


def test_most_tariffs_of_the_library_are_rated_as_columns() -> None:
    alone = {name for name in library_names() if obstacles_of([library_tariff(name)])}
    assert alone == {
        "es-3.0td",
        "es-self-consumption",
        "saas-in-advance",
        "telecom-rollover",
        "us-ca-net-billing",
    }
    assert sum(not obstacles_of([worked(name)]) for name in WORKED) >= 50
