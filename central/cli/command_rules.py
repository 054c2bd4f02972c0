"""What each command that acts in somebody's name asks of the policy, once there are people.

Whoever runs commands on the server has the database's own password, and says who they are by
`--as`. So this is an account of who did what by which right, and no wall: let few on the server.
Commands that only read, and those that run the servers, act in nobody's name and ask nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import typer

from central.adapters.timescale.people import named_person
from central.config.settings import Settings
from central.domain.access.policy import (
    MEANING,
    NotPermittedError,
    Permission,
    Principal,
    roles_with,
)
from central.domain.actor import Via
from central.service.people.people import principal_of

_P = Permission
_COMMANDS = {
    _P.INSTALL: """
installation withdraw
move exchange-meter
gateway move-meter
""",
    _P.CHANGE_GATEWAYS: """
gateway enrol
gateway invite
gateway revoke
gateway signing
gateway revoke-epoch
quarantine requeue
""",
    _P.DECIDE_READINGS: """
finding accept
conflict decide
exceptions assign
exceptions assign-point
exceptions dismiss
exceptions suppress
exceptions accept
exceptions decide
exceptions release
exceptions rerun
exceptions field-order
exceptions edit
exceptions estimate
vee start-storm
vee end-storm
vee estimate
vee edit
vee restore
""",
    _P.SEND_EVENTS: """
import readings
import intervals
events import
events cancel
subjects assign
subjects withdraw
""",
    _P.CHANGE_CUSTOMERS: """
import cutover
import book
import customers
allocation set
allocation withdraw
agreement fact
agreement withdraw-fact
agreement withdraw
move in
move out
move change-agreement
move undo
cycle add
cycle import
cycle extend
cycle assign
group add
group assign
group remove
""",
    _P.PREPARE_BILLS: """
pilot set
pilot run
correction decide
correction withdraw
correction rebill
bill run
bill decide-conflict
bill discard
bill cancel
bill suppress
bill answer
bill ask
bill lift
""",
    _P.APPROVE: """
correction approve
correction approve-rule
bill approve
bill withdraw
bill approve-suppression
""",
    _P.ISSUE_BILLS: """
bill issue
""",
    _P.POST_ENTRIES: """
ledger post
ledger import
""",
    _P.RUN_JOBS: """
schedule set
schedule pause
schedule resume
schedule remove
schedule run
""",
    _P.CHANGE_RULES: """
import series
tariff add
tariff withdraw
table add
table withdraw
holidays seed
holidays change
holidays withdraw
events set-meter
events withdraw-meter
correction enter-rule
correction withdraw-rule
correction enter-limit
retention enter-rule
retention hold
retention lift
retention raise-floor
retention resume
alert set-rule
checks policy set
vee policy set
""",
    _P.CHANGE_SETTINGS: """
settings set
fiscal use
fiscal cancel
notice set-endpoint
notice exchange-secret
notice set-rule
notice test
notice resend
invoicing seller
invoicing account
invoicing point
invoicing print-file
invoicing resend
invoicing bounced
""",
    _P.BACK_UP: """
backup
restore
""",
    _P.ERASE_CUSTOMERS: """
account erase
retention delete
""",
    _P.CHANGE_PEOPLE: """
session revoke
user add
user roles
user invite
user link
user disable
user enable
user reset-second-factor
api-key give
api-key revoke
""",
}
RULES: Final = MappingProxyType(
    {words: each for each, text in _COMMANDS.items() for words in text.split("\n")[1:-1]}
)
"""What each command that takes `--as` asks, by its words."""


def check_command(context: typer.Context | None, settings_of: Callable[[], Settings]) -> None:
    """Return where the command that runs may be done in the name that it is given.

    Args:
        context: Of the command; None where none runs.
        settings_of: Gives where the database is.

    Raises:
        NotPermittedError: There are people, and the name is none of them or may not do it.
    """
    options = [] if context is None else context.command.params
    option = next((each for each in options if "--as" in each.opts), None)
    if context is None or option is None or option.name is None:
        return
    settings = settings_of()
    if settings.database is None:  # the command's own to report
        return
    words = context.command_path.partition(" ")[2]
    permission = RULES.get(words)
    name = context.params.get(option.name) or settings.actor
    has_people, person = named_person(settings.dsn(), name)
    if not has_people:
        return
    principal = None
    if person is not None and person.name == name and person.disabled_at is None:
        principal = principal_of(person, Via.COMMAND)
    if permission is None or principal is None or not _may(principal, permission):
        message = (
            f"{name} may not {MEANING[permission]} ({permission})."
            if permission is not None
            else f"No rule says who may use `{words}`."
        )
        roles = ", ".join(roles_with(permission)) if permission is not None else "none"
        remedy = f"Name a person who may, by --as or METERLINE_ACTOR; roles that may: {roles}."
        raise NotPermittedError(message, value=name, remedy=remedy)


def _may(principal: Principal, permission: Permission) -> bool:
    """Commands are about everybody, so that whoever is limited may use none of them."""
    return permission in principal.permissions and not principal.limited
