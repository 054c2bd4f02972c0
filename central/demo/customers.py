"""The utility's customer file for the demo."""

from __future__ import annotations

from central.demo.households import HOUSEHOLDS, Household
from central.demo.virtual_meters import GATEWAY, Scene, first_day, manufacturer
from central.service.registry.customer_file import CustomerFile


def customer_file(scene: Scene, tariff: str) -> CustomerFile:
    """Points, meters, accounts and agreements, as `meterline-central import customers` reads them.

    Args:
        scene: When the meters were put in.
        tariff: Name of the tariff that all have.
    """
    since = first_day(scene).isoformat()
    agreed = {"tariff": tariff, "from": scene.first.days.first.isoformat()}
    return CustomerFile.model_validate(
        {
            "seller": {
                "name": "Sierra Power Coop.",
                "address": ["Calle Mayor 1", "28013 Madrid"],
                "tax_id": "ESF00000000",
                "contact": "billing@sierra-power.example",
            },
            "service_points": [_point(household, scene, since) for household in HOUSEHOLDS],
            "accounts": [
                {
                    "number": household.account,
                    "name": household.name,
                    "address": list(household.address),
                    "agreements": [{"point": household.point, **agreed}],
                }
                for household in HOUSEHOLDS
            ],
        }
    )


def _point(household: Household, scene: Scene, since: str) -> dict[str, object]:
    return {
        "name": household.point,
        "zone": scene.zone.key,
        "address": ", ".join(household.address),
        "channels": [{"obis": "1-0:1.8.0", "period": "15m", "unit": "Wh"}],
        "meters": [
            {
                "meter": f"{manufacturer()}/{household.serial}",
                "from": since,
                "gateway": GATEWAY,
            }
        ],
    }
