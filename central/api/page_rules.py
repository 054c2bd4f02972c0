"""What each page and form asks of the policy; `access_rules` says it with the rest."""

from __future__ import annotations

from central.domain.access.policy import Permission

OF_PAGES = {
    Permission.OWN_SIGN_IN: """
GET /me
POST /me/sessions/{session}/revoke
POST /me/second-factor
POST /me/second-factor/confirm
POST /me/second-factor/end
POST /me/keys
POST /me/keys/{key}/revoke
""",
    Permission.SEARCH: """
GET /search
""",
    Permission.READ_PEOPLE: """
GET /people
""",
    Permission.CHANGE_PEOPLE: """
POST /people
POST /people/{person}/roles
POST /people/{person}/invite
POST /people/{person}/disable
POST /people/{person}/enable
POST /people/{person}/reset-second-factor
POST /people/sessions/{session}/revoke
POST /people/keys/{key}/revoke
""",
    Permission.READ_FIELD: """
GET /gateways
GET /gateways/{name}
""",
    Permission.READ_USAGE: """
GET /meters
GET /meters/{meter}
GET /meters/{meter}/coverage.csv
GET /meters/{meter}/days/{channel}/{day}
""",
    Permission.READ_POINTS: """
GET /points
""",
    Permission.READ_CUSTOMERS: """
GET /moves
GET /accounts
GET /accounts/{account}
GET /cycles
GET /cycles/{name}
GET /groups
GET /groups/{name}
""",
    Permission.READ_BILLS: """
GET /accounts/{account}/usage
GET /accounts/{account}/usage.csv
GET /accounts/{account}/usage.xml
GET /accounts/{account}/tariffs
GET /accounts/{account}/tariffs.csv
GET /accounts/{account}/alerts
GET /board
GET /runs
GET /runs/{run}
GET /runs/{run}/changes
GET /runs/{run}/not-billed
GET /bills/{bill}
GET /bills/{bill}/invoice.pdf
GET /bills/{bill}/invoice.xml
GET /bills/{bill}/draft.pdf
GET /bills/{bill}/lines/{line}
GET /bills/{bill}/lines/{line}/{place}/{day}
GET /bill-questions
GET /candidates
GET /candidates/{uid}
GET /claim-conflicts
GET /pilots
GET /pilots/{name}
GET /shadow-bills
POST /shadow-bills
GET /tariffs/{tariff}/try
POST /tariff-editor/try
""",
    Permission.READ_EXCEPTIONS: """
GET /exceptions
GET /exceptions/{exception}
GET /field-orders
""",
    Permission.DECIDE_READINGS: """
POST /exceptions/do
""",
    Permission.READ_REPORTS: """
GET /alerts
GET /notices
GET /unbilled
GET /
GET /figures
GET /reconciliation
GET /reconciliation.csv
""",
    Permission.READ_RULES: """
GET /correction-rules
GET /schedules
GET /settings
GET /tariffs
GET /tariffs/{tariff}
GET /tariffs/{tariff}/changes
""",
    Permission.READ_AUDIT: """
GET /audit
POST /audit/check
""",
    Permission.CHANGE_CUSTOMERS: """
POST /accounts/{account}/alerts
POST /accounts/{account}/alerts/end
GET /moves/in
GET /moves/out
POST /moves/in
POST /moves/out
POST /moves/{move}/undo
POST /cycles
POST /cycles/extend
POST /cycles/lists
POST /cycles/{name}/accounts
POST /groups
POST /groups/{name}/members
POST /groups/{name}/members/remove
""",
    Permission.PREPARE_BILLS: """
GET /bills/{bill}/cancel
GET /bills/{bill}/rebill
POST /bills/{bill}/rebill
GET /candidates/{uid}/decide
GET /suppressed-periods/new
POST /suppressed-periods
GET /runs/start
POST /runs
POST /runs/{run}/calculate
POST /bills/{bill}/discard
POST /bills/{bill}/cancel
POST /bills/{bill}/questions
POST /bill-questions/{question}/answer
POST /candidates/{uid}
POST /claim-conflicts/{conflict}/decide
POST /suppressed-periods/{suppression}/lift
""",
    Permission.APPROVE: """
GET /bills/{bill}/approve
GET /runs/{run}/approve
POST /bills/{bill}/approve
POST /bills/{bill}/withdraw
POST /runs/{run}/approve
POST /correction-rules/{name}/{version}/approve
POST /suppressed-periods/{suppression}/approve
""",
    Permission.ISSUE_BILLS: """
GET /bills/{bill}/issue
GET /runs/{run}/issue
POST /bills/{bill}/issue
POST /runs/{run}/issue
""",
    Permission.RUN_JOBS: """
POST /schedules
POST /schedules/{name}
""",
    Permission.CHANGE_RULES: """
GET /tariff-editor
POST /tariff-editor/check
POST /tariff-editor/publish
POST /correction-rules
POST /correction-rules/{name}/{version}/withdraw
POST /correction-limits
""",
    Permission.CHANGE_SETTINGS: """
POST /notice-deliveries/{delivery}/resend
POST /notice-endpoints/{endpoint}/test
POST /settings
POST /settings/seller
""",
}
