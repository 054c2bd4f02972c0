"""The API against its own description: drawn requests, over the wire, to a filled office.

Sized: `make soak` draws more of each operation.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from tests.support.office import ACCOUNTS, Office
from tests.support.servers import Database
from tests.support.size import sized

EXAMPLES = sized("METERLINE_API_EXAMPLES", test=2, soak=100)
TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ASKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
PATIENCE_S = 60
FAR = {"date": "9999-12-31", "date-time": "9999-12-31T23:59:59Z", "month": "9999-12"}


class Caller:
    """Asks everything that a description has, and notes what is answered otherwise."""

    def __init__(self, address: str) -> None:
        load_all_checks()
        self._checks = CHECKS.get_by_names(ASKED)
        self._address = address
        self._here = self._identifiers()
        self.faults: list[str] = []
        self.statuses: Counter[int] = Counter()

    def _identifiers(self) -> dict[str, str]:
        """What paths name, as it is in the office: else drawn requests see nothing but 404."""

        def first(path: str, field: str) -> str:
            found = httpx.get(
                f"{self._address}/api/v1/{path}", headers=HEADERS, timeout=PATIENCE_S
            ).json()
            return str(found["items"][0][field])

        meter, point = first("meters", "meter"), first("service-points", "point")
        return {
            "account": first("accounts", "account"),
            "bill": first(f"bill-runs/{first('bill-runs', 'run')}/bills", "bill"),
            "run": first("bill-runs", "run"),
            "gateway": first("gateways", "gateway"),
            "meter": meter,
            "point": point,
            "tariff": "residential-tou",
            "number": "1",
        }

    def ask_all(self) -> None:
        """Draw requests of each operation."""
        address = f"{self._address}/api/v1/openapi.json"
        document = httpx.get(address, headers=HEADERS, timeout=PATIENCE_S).json()
        api = schemathesis.openapi.from_dict(document)
        for result in api.get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]
            try:
                self._ask(operation)
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - each is shown
                self.faults.append(f"{operation.label}: {error}")

    def _ask(self, operation: Any) -> None:  # noqa: ANN401 - of schemathesis
        drawn = 0

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:  # noqa: ANN401 - of schemathesis
            nonlocal drawn
            drawn += 1
            if drawn % 4:
                named = {
                    name: self._here[name] for name in case.path_parameters if name in self._here
                }
                case.path_parameters.update(named)
                if "account" in (case.query or {}):
                    case.query["account"] = ACCOUNTS[0]
            answer = case.call_and_validate(
                base_url=self._address, headers=HEADERS, checks=self._checks, timeout=PATIENCE_S
            )
            self.statuses[answer.status_code] += 1

        ask()


async def test_no_request_is_answered_otherwise_than_described(plain_filled: Database) -> None:
    async with make_pool(plain_filled.dsn_as("meterline_app"), max_size=4) as pool:
        services = Office(pool).services()
        web = WebSettings(port=0, token=TOKEN)
        async with serving(create_app(services, web), services, web) as address:
            caller = await asyncio.to_thread(Caller, address)
            await asyncio.to_thread(caller.ask_all)
    assert "\n\n".join(caller.faults) == ""
    # Nothing is shown by requests that all are turned away at the door.
    assert {200, 201, 404, 409, 422} <= set(caller.statuses)
    assert caller.statuses.keys().isdisjoint({401, 403, 421, 429})


async def test_a_parameter_that_a_path_does_not_have_is_refused(plain_filled: Database) -> None:
    async with make_pool(plain_filled.dsn_as("meterline_app"), max_size=2) as pool:
        app = create_app(Office(pool).services(), WebSettings())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            misspelt = await web.get("/api/v1/accounts?serach=ES")
            twice = await web.get("/api/v1/accounts?search=ES&search=X")
            several = await web.get("/api/v1/exceptions?kind=finding&kind=bill")
            far = {
                f"{path}?{asked['name']}": (await web.get(_with(path, asked))).status_code
                for path, methods in app.openapi()["paths"].items()
                for asked in methods.get("get", {}).get("parameters", ())
                if asked["in"] == "query" and _far(asked) is not None
            }
            head = await web.head("/api/v1/accounts")
            got = await web.get("/api/v1/accounts")
            page = await web.get("/api/v1/docs")
    assert misspelt.status_code == twice.status_code == 422
    assert misspelt.json()["code"] == "UNKNOWN_PARAMETER"
    assert "'serach'" in misspelt.json()["detail"]
    assert "search" in misspelt.json()["remedy"]
    assert several.status_code == 200
    assert len(far) > 20
    assert {path: status for path, status in far.items() if status != 422} == {}
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert page.status_code == 200
    assert 'src="http' not in page.text
    assert 'id="list_accounts"' in page.text


async def test_an_actor_who_asks_too_often_waits(plain_filled: Database) -> None:
    async with make_pool(plain_filled.dsn_as("meterline_app"), max_size=2) as pool:
        app = create_app(Office(pool).services(), WebSettings(requests_per_s=2))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            answers = [await web.get("/api/v1/health/live") for _ in range(9)]
            counted = [await web.get("/api/v1/seller") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200}
    refused = [answer for answer in counted if answer.status_code == 429]
    assert counted[0].status_code == 200
    assert refused[0].json()["code"] == "TOO_MANY_REQUESTS"
    assert int(refused[0].headers["retry-after"]) >= 1


def _far(asked: dict[str, Any]) -> str | None:
    kinds = [asked["schema"], *asked["schema"].get("anyOf", ())]
    named = next((FAR[kind["format"]] for kind in kinds if kind.get("format") in FAR), None)
    return named or (FAR["month"] if asked["name"] in {"month", "cycle"} else None)


def _with(path: str, asked: dict[str, Any]) -> str:
    for name in ("account", "bill", "channel", "cycle", "group", "name", "point", "run"):
        path = path.replace(f"{{{name}}}", "x")
    return f"{path}?{asked['name']}={_far(asked)}"
