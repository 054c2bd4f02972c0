"""`meterline-central move`: customers move, meters are exchanged, agreements change, as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from central.cli.as_of import instant_of
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    settings,
    show,
    wait_for,
)
from central.domain.billing.bill import Party
from central.domain.metering.installation import Multiplier
from central.process.stores import open_stores
from central.service.moves.moves import Moves
from central.service.moves.requests import (
    AgreementChange,
    MeterExchange,
    MoveIn,
    MoveOut,
    MoveOutcome,
    NewMeter,
    ReadsAtMove,
)
from central.service.moves.written import written_facts, written_reads
from central.service.ports.moves import MoveRecord
from firmware_bridge.contract.errors import InvalidValueError

moves = group("Move customers in and out, exchange meters, change agreements: each as a whole.")
_DAY = ["%Y-%m-%d"]
Account = Annotated[str, typer.Argument(help="Number of the account.")]
Point = Annotated[str, typer.Argument(help="Name of the service point.")]
On = Annotated[datetime, typer.Option("--on", formats=_DAY, help="First local day.")]
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
OfService = Annotated[
    str | None, typer.Option("--service", help="Service, where the point has several.")
]
Reads = Annotated[
    list[str] | None,
    typer.Option("--read", help="What a register showed then, such as 1.8.0=1234.5. [kWh, m3]"),
]
Facts = Annotated[
    list[str] | None, typer.Option("--fact", help="What the tariff needs, such as contracted_kw=5.")
]
Later = Annotated[
    bool, typer.Option("--read-later", help="Go on without a read that is not there yet.")
]
Preview = Annotated[bool, typer.Option("--preview", help="Print what would be, change nothing.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the customer.")]
Address = Annotated[list[str] | None, typer.Option("--address", help="A line of the address.")]


@moves.command("in")
@answered
def move_in_command(  # noqa: PLR0913, PLR0917 - one option each
    account: Account,
    point: Point,
    tariff: Annotated[str, typer.Option(help="Name of the tariff.")],
    on: On,
    reason: Because,
    service: OfService = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="The day after the last, if known.")
    ] = None,
    name: Name = None,
    address: Address = None,
    cycle: Annotated[str | None, typer.Option(help="Billing cycle from that day on.")] = None,
    facts: Facts = None,
    reads: Reads = None,
    actor: ActingAs = None,
    *,
    replaces: Annotated[
        bool, typer.Option("--replaces", help="Let the account that is there move out that day.")
    ] = False,
    read_later: Later = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Let an account come to a service point: account, agreement, cycle and opening read."""
    asked = MoveIn(
        account,
        point,
        tariff,
        on.date(),
        service,
        None if until is None else until.date(),
        written_facts(facts or (), on.date()),
        _party(name, address),
        cycle,
        replaces,
        ReadsAtMove(written_reads(reads or ()), read_later),
    )
    _move(lambda use: use.move_in(asked, reason, preview=preview), actor, as_json=as_json)


@moves.command("out")
@answered
def move_out_command(  # noqa: PLR0913, PLR0917 - one option each
    account: Account,
    point: Point,
    on: Annotated[
        datetime,
        typer.Option("--on", formats=_DAY, help="First local day that it does not pay for."),
    ],
    reason: Because,
    service: OfService = None,
    name: Name = None,
    address: Address = None,
    reads: Reads = None,
    actor: ActingAs = None,
    *,
    read_later: Later = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Let an account leave a service point: its agreements end, with a closing read."""
    given = ReadsAtMove(written_reads(reads or ()), read_later)
    asked = MoveOut(account, point, on.date(), service, _party(name, address), given)
    _move(lambda use: use.move_out(asked, reason, preview=preview), actor, as_json=as_json)


@moves.command("exchange-meter")
@answered
def exchange_meter_command(  # noqa: PLR0913, PLR0917 - one option each
    point: Point,
    meter: Annotated[str, typer.Argument(help="Meter that goes in, as MANUFACTURER/SERIAL.")],
    at: Annotated[str, typer.Option(help="When, such as 2026-11-12T10:15:00+01:00.")],
    reason: Because,
    closing: Annotated[
        list[str] | None,
        typer.Option(help="What the old one showed, such as 1.8.0=1234.5. [kWh, m3]"),
    ] = None,
    opening: Annotated[
        list[str] | None, typer.Option(help="What the new one showed, such as 1.8.0=0. [kWh, m3]")
    ] = None,
    modulus: Annotated[
        list[str] | None,
        typer.Option(help="What it counts to before it starts at 0, such as 1.8.0=1000000."),
    ] = None,
    multiplier: Annotated[str, typer.Option(help="Of the new one, such as 400/5.")] = "1",
    gateway: Annotated[
        str | None, typer.Option(help="Its gateway, where it has not reported yet.")
    ] = None,
    actor: ActingAs = None,
    *,
    read_later: Later = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Let one meter take the place of another at a service point, with the reads of both."""
    manufacturer, _, serial = meter.partition("/")
    if not serial:
        message = f"{meter!r} is not MANUFACTURER/SERIAL."
        raise InvalidValueError(message, value=meter)
    ratio = Multiplier.parse(multiplier).ratio
    new = NewMeter(manufacturer, serial, ratio, gateway, written_reads(modulus or ()))
    asked = MeterExchange(
        point,
        instant_of(at),
        new,
        written_reads(closing or ()),
        written_reads(opening or ()),
        read_later,
    )
    _move(lambda use: use.exchange_meter(asked, reason, preview=preview), actor, as_json=as_json)


@moves.command("change-agreement")
@answered
def change_agreement_command(  # noqa: PLR0913, PLR0917 - one option each
    account: Account,
    point: Point,
    tariff: Annotated[str, typer.Option(help="Name of the new tariff.")],
    on: On,
    reason: Because,
    service: OfService = None,
    facts: Facts = None,
    actor: ActingAs = None,
    *,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Let an account go on under another tariff, with what is agreed."""
    day = on.date()
    asked = AgreementChange(account, point, tariff, day, service, written_facts(facts or (), day))
    _move(lambda use: use.change_agreement(asked, reason, preview=preview), actor, as_json=as_json)


@moves.command("undo")
@answered
def undo_command(
    move: Annotated[UUID, typer.Argument(help="Identifier of the move.")],
    reason: Because,
    actor: ActingAs = None,
    *,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Take a move back, where nothing that came later rests on it."""
    _move(lambda use: use.undo(move, reason, preview=preview), actor, as_json=as_json)


@moves.command("list")
@answered
def list_command(
    account: Annotated[str | None, typer.Option(help="Number of an account.")] = None,
    point: Annotated[str | None, typer.Option(help="Name of a service point.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List moves, newest first."""

    async def work() -> Sequence[MoveRecord]:
        async with open_stores(settings(), "meterline-move", max_size=2) as stores:
            return await Moves(stores.moves, actor_of(None)).listed(account, point)

    rows = [each.to_json() for each in wait_for(work())]
    listed(rows, as_json=as_json, nothing="Nothing moved.")


def _move(
    work: Callable[[Moves], Awaitable[MoveOutcome]], actor: str | None, *, as_json: bool
) -> None:
    async def done() -> MoveOutcome:
        async with open_stores(settings(), "meterline-move", max_size=2) as stores:
            return await work(Moves(stores.moves, actor_of(actor)))

    outcome = wait_for(done())
    if as_json:
        show(outcome.to_json())
        return
    for step in outcome.steps or ("All was so already, unchanged.",):
        typer.echo(step)
    for name in outcome.awaited:
        typer.echo(f"Awaited: {name}.")
    for text in outcome.concerned:
        typer.echo(text)
    for bill in outcome.discarded:
        typer.echo(f"Discarded: {bill}; run its cycle again.")
    for warning in outcome.warnings:
        typer.echo(f"warning: {warning}")
    if outcome.move is not None:
        typer.echo(f"Move {outcome.move}.")


def _party(name: str | None, address: Sequence[str] | None) -> Party | None:
    if name is None:
        if address:
            message = "An address alone does not say whose it is."
            raise InvalidValueError(message, value=list(address), remedy="Give `--name` with it.")
        return None
    return Party(name, tuple(address or ()))
