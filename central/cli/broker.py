"""`meterline-central broker rules|bring`: who may do what at a broker."""

from __future__ import annotations

from dataclasses import asdict

import typer

from central.adapters.mqtt.dynamic_security import DynamicSecurity, rules_document, rules_file
from central.cli.output import AsJson, answered, group, settings, show, wait_for
from central.config.broker import BrokerSettings
from central.process.broker import broker_address
from central.process.stores import open_stores
from central.service.gateways.broker_access import AccessChange, bring_to, wanted_access

broker = group("Give brokers their rules: who may publish, subscribe and receive what.")


@broker.command("rules")
@answered
def rules_command(*, as_json: AsJson = False) -> None:
    """Print the rules for all enrolled gateways, as mosquitto's plugin keeps them in its file."""

    async def work() -> list[str]:
        async with open_stores(settings(), "meterline-broker", max_size=2) as stores:
            return await stores.gateways.admitted()

    access = wanted_access(wait_for(work()), DynamicSecurity.control)
    if as_json:
        show(rules_document(access))
    else:
        typer.echo(rules_file(access), nl=False)


@broker.command("bring")
@answered
def bring_command(*, as_json: AsJson = False) -> None:
    """Bring the broker's rules to the registry now; ingest does it within seconds by itself."""
    line = DynamicSecurity(broker_address(BrokerSettings()))

    async def work() -> AccessChange:
        async with open_stores(settings(), "meterline-broker", max_size=2) as stores:
            return await bring_to(line, await stores.gateways.admitted())

    change = wait_for(work())
    if as_json:
        show(asdict(change))
        return
    for what, names in asdict(change).items():
        if names:
            typer.echo(f"{what}: {', '.join(names)}")
    if not change:
        typer.echo("The broker has the rules that the registry asks for.")
