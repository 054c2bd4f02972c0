"""What each route asks of the policy. A route that stands nowhere here is refused to everybody.

Whose data a route is about follows from its path: the account, bill, point, meter or channel that
it names, else everybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from central.api.page_rules import OF_PAGES
from central.domain.access.policy import OF_NOBODY, AccessRule, Permission, Whose

API: Final = "/api/v1"

_PUBLIC = f"""
GET {API}/health/live
GET {API}/health/ready
POST {API}/enrolment/claim
POST {API}/enrolment/renew
GET /static/{{name}}
GET /favicon.ico
GET /sign-in
POST /sign-in
GET /sign-in/provider
GET /sign-in/provider/back
GET /welcome
POST /welcome
POST /language
"""
# What everybody who is signed in may do, also with a key of whatever scope.
_SIGNED_IN = f"""
GET {API}/openapi.json
GET {API}/docs
GET {API}/me
POST /sign-out
"""
_OF_API = {
    Permission.OWN_SIGN_IN: """
GET /me/sessions
POST /me/sessions/{session}/revoke
GET /me/keys
POST /me/keys
POST /me/keys/{key}/revoke
""",
    Permission.READ_OWN_BILLS: """
GET /me/bills
""",
    Permission.READ_PEOPLE: """
GET /people
GET /sessions
GET /keys
""",
    Permission.CHANGE_PEOPLE: """
POST /people
POST /people/{person}/roles
POST /people/{person}/invite
POST /people/{person}/disable
POST /people/{person}/enable
POST /sessions/{session}/revoke
POST /keys/{key}/revoke
""",
    Permission.READ_FIELD: """
GET /gateways
GET /gateways/{gateway}
""",
    Permission.READ_USAGE: """
GET /unclosed-days
GET /meters
GET /meters/{meter}
GET /meters/{meter}/channels
GET /channels/{channel}
GET /channels/{channel}/readings
GET /point-channels/{channel}/intervals
GET /point-channels/{channel}/versions
GET /service-points/{point}/consumption
GET /service-points/{point}/intervals
GET /accounts/{account}/consumption
GET /usage-events
GET /usage-events/waiting
GET /usage-subjects
""",
    Permission.READ_POINTS: """
GET /service-points
GET /service-points/{point}
GET /service-points/{point}/channels
GET /service-points/{point}/installations
GET /allocations
GET /allocations/{point}/days/{day}
""",
    Permission.READ_CUSTOMERS: """
GET /accounts
GET /accounts/{account}
GET /accounts/{account}/agreements
GET /agreements/{agreement}
GET /agreements/{agreement}/facts
GET /cycles
GET /cycles/{cycle}
GET /cycles/{cycle}/accounts
GET /groups
GET /groups/{group}
GET /groups/{group}/members
GET /moves
""",
    Permission.READ_BILLS: """
GET /accounts/{account}/bills
GET /accounts/{account}/unbilled
GET /accounts/{account}/so-far
GET /accounts/{account}/correction-preview
GET /bill-runs
GET /bill-runs/{run}
GET /bill-runs/{run}/bills
GET /bill-runs/{run}/not-billed
GET /bills
GET /bills/{bill}
GET /bills/{bill}/lines
GET /bills/{bill}/chain
GET /bills/{bill}/lines/{number}/intervals
GET /bills/{bill}/invoice.pdf
GET /bills/{bill}/draft.pdf
GET /bills/{bill}/invoice.xml
GET /bills/{bill}/fiscal-records
GET /bill-questions
GET /bill-questions/{question}
GET /claim-conflicts
GET /correction-candidates
GET /correction-candidates/{candidate}
GET /corrections
GET /suppressed-periods
GET /pilots
GET /pilots/{name}
POST /shadow-bills
""",
    Permission.READ_LEDGER: """
GET /accounts/{account}/drawdowns
GET /ledger
GET /ledger/{key:path}
""",
    Permission.READ_RULES: """
GET /tariffs
GET /tariffs/{tariff}/versions/{effective}
GET /tables
GET /correction-limits
GET /correction-rules
GET /schedules
GET /settings
GET /settings/revisions
GET /seller
GET /invoicing/seller
GET /accounts/{account}/invoicing
GET /service-points/{point}/invoicing
GET /invoice-deliveries
GET /invoice-deliveries/{delivery}
""",
    Permission.READ_EXCEPTIONS: """
GET /findings
GET /exceptions
GET /exceptions/counts
GET /exceptions/{exception}
GET /field-orders
""",
    Permission.READ_REPORTS: """
GET /reconciliation
GET /regulator-figures
GET /groups/{group}/consumption
GET /groups/{group}/load-profile
GET /groups/{group}/losses
GET /groups/{group}/so-far
GET /tariffs/{tariff}/consumption
GET /tariffs/{tariff}/so-far
GET /consumption-changes
GET /unbilled
GET /unbilled/charges
GET /alerts
GET /alert-rules
GET /notice-endpoints
GET /notice-rules
GET /notice-deliveries
GET /notice-deliveries/{delivery}
""",
    Permission.READ_AUDIT: """
GET /audit
GET /audit/check
POST /audit/check
""",
    Permission.INSTALL: """
POST /service-points
POST /installations
POST /installations/withdraw
POST /moves/meter-exchange
""",
    Permission.DECIDE_READINGS: """
POST /point-channels/{channel}/edits
POST /point-channels/{channel}/estimates
POST /point-channels/{channel}/restorations
POST /exceptions/assign
POST /exceptions/assign-point
POST /exceptions/dismiss
POST /exceptions/suppress
POST /exceptions/accept
POST /exceptions/decide
POST /exceptions/edit
POST /exceptions/estimate
POST /exceptions/release
POST /exceptions/rerun
POST /exceptions/field-order
""",
    Permission.CHANGE_GATEWAYS: """
POST /gateways
POST /gateways/{gateway}/revoke
""",
    Permission.SEND_EVENTS: """
POST /usage-events
POST /usage-subjects
POST /readings
""",
    Permission.CHANGE_CUSTOMERS: """
POST /allocations
POST /allocations/{point}/{first}/withdraw
POST /accounts
POST /agreements
POST /agreements/withdraw
POST /agreements/facts
POST /agreements/facts/withdraw
POST /cycles
POST /cycle-lists
POST /cycle-lists/extend
POST /account-cycles
POST /groups
POST /groups/{group}/members
POST /groups/{group}/members/remove
POST /moves/in
POST /moves/out
POST /moves/agreement-change
POST /moves/{move}/undo
""",
    Permission.ERASE_CUSTOMERS: """
POST /accounts/erase
""",
    Permission.PREPARE_BILLS: """
POST /bill-runs
POST /accounts/{account}/rebill
POST /bills/{bill}/discard
POST /bills/cancel
POST /bills/{bill}/lines/{number}/questions
POST /bill-questions/{question}/answer
POST /claim-conflicts/{conflict}/decide
POST /corrections
POST /corrections/{correction}/withdraw
POST /suppressed-periods
POST /suppressed-periods/{suppression}/lift
POST /pilots
POST /pilots/{name}/run
""",
    Permission.APPROVE: """
POST /bills/{bill}/approve
POST /bills/{bill}/withdraw
POST /bill-runs/{run}/approve
POST /corrections/{correction}/approve
POST /correction-rules/{name}/{version}/approve
POST /suppressed-periods/{suppression}/approve
""",
    Permission.ISSUE_BILLS: """
POST /bills/{bill}/issue
POST /bill-runs/{run}/issue
""",
    Permission.POST_ENTRIES: """
POST /ledger
""",
    Permission.RUN_JOBS: """
PUT /schedules/{name}
POST /schedules/{name}/run
""",
    Permission.CHANGE_RULES: """
POST /tariffs
POST /tariffs/{tariff}/{effective}/withdraw
POST /tables
POST /tables/{name}/{since}/withdraw
POST /correction-limits
POST /correction-rules
POST /correction-rules/{name}/{version}/withdraw
POST /alert-rules
""",
    Permission.CHANGE_SETTINGS: """
PUT /settings
PUT /seller
PUT /invoicing/seller
PUT /accounts/{account}/invoicing
PUT /service-points/{point}/invoicing
POST /bills/{bill}/deliveries
POST /invoice-deliveries/{delivery}/bounce
POST /notice-endpoints
POST /notice-endpoints/{endpoint}/secrets
POST /notice-endpoints/{endpoint}/test
POST /notice-rules
POST /notice-deliveries/{delivery}/resend
""",
}
# What a customer may ask of an account of theirs, and of an issued bill of theirs.
_OF_CUSTOMERS = {
    Permission.READ_OWN_USAGE: f"""
GET {API}/accounts/{{account}}/consumption
GET {API}/accounts/{{account}}/so-far
GET /accounts/{{account}}/usage
GET /accounts/{{account}}/usage.csv
GET /accounts/{{account}}/usage.xml
GET /accounts/{{account}}/tariffs
GET /accounts/{{account}}/tariffs.csv
GET /accounts/{{account}}/alerts
""",
    Permission.MANAGE_OWN_ACCOUNT: """
POST /accounts/{account}/alerts
POST /accounts/{account}/alerts/end
""",
    Permission.ASK_ABOUT_BILLS: f"""
POST {API}/bills/{{bill}}/lines/{{number}}/questions
POST /bills/{{bill}}/questions
""",
    Permission.READ_OWN_BILLS: f"""
GET {API}/bills/{{bill}}
GET {API}/bills/{{bill}}/lines
GET {API}/bills/{{bill}}/lines/{{number}}/intervals
GET {API}/bills/{{bill}}/invoice.pdf
GET {API}/bills/{{bill}}/invoice.xml
GET /bills/{{bill}}
GET /bills/{{bill}}/invoice.pdf
GET /bills/{{bill}}/invoice.xml
GET /bills/{{bill}}/lines/{{line}}
GET /bills/{{bill}}/lines/{{line}}/{{place}}/{{day}}
""",
}
# The path parameter that says whose data it is; the first of these that a path has.
_NAMED = (
    ("/accounts/{account}", Whose.ACCOUNT, "account"),
    ("/bills/{bill}", Whose.BILL, "bill"),
    ("/service-points/{point}", Whose.POINT, "point"),
    ("/point-channels/{channel}", Whose.POINT_CHANNEL, "channel"),
    ("/meters/{meter}", Whose.METER, "meter"),
    ("/channels/{channel}", Whose.METER_CHANNEL, "channel"),
)


def _routes(text: str) -> list[str]:
    return text.split("\n")[1:-1]


def named_in(path: str) -> tuple[Whose, str]:
    """Whose data a path is about, and the path's parameter that names it; else everybody's."""
    within = path.removeprefix(API)
    for begin, whose, parameter in _NAMED:
        if within == begin or within.startswith(f"{begin}/"):
            return whose, parameter
    return Whose.EVERYBODYS, ""


def _rules() -> dict[str, AccessRule]:
    customers = {
        route: permission for permission, text in _OF_CUSTOMERS.items() for route in _routes(text)
    }
    rules: dict[str, AccessRule] = {}
    for prefix, texts in ((API, _OF_API), ("", OF_PAGES)):
        for permission, text in texts.items():
            for line in _routes(text):
                method, _, path = line.partition(" ")
                route = f"{method} {prefix}{path}"
                whose = Whose.NOBODYS if permission in OF_NOBODY else named_in(f"{prefix}{path}")[0]
                rules[route] = AccessRule(permission, whose, customers.get(route))
    return rules


PUBLIC: Final = frozenset(_routes(_PUBLIC))
"""Routes that ask nothing."""
SIGNED_IN: Final = frozenset(_routes(_SIGNED_IN))
"""Routes that ask for a sign-in alone: what they show follows from who asks."""
RULES: Final[Mapping[str, AccessRule]] = MappingProxyType(_rules())
"""What each other route asks, by method and path."""
