"""`meterline-edge`: run the agent, ask how it is, check its configuration.

Exit codes: 0 good; 1 the environment is in the way; 2 wrong usage; 3 wrong configuration;
4 `status` found an alarm.
"""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from firmware_bridge.command_line import CommandGroup, report_failure
from firmware_bridge.contract.errors import ConfigurationError, MeterlineError
from firmware_bridge.contract.software import named_version
from firmware_bridge.secret_option import secret_argument

PROGRAM = "meterline-edge"
EXIT_ENVIRONMENT, EXIT_CONFIGURATION, EXIT_ALARM = 1, 3, 4


def exit_code_of(error: MeterlineError) -> int:
    """The exit code of an error that ends a command."""
    wrong = isinstance(error, ConfigurationError)
    return EXIT_CONFIGURATION if wrong else EXIT_ENVIRONMENT


class _Commands(CommandGroup):
    def exit_code_of(self, error: MeterlineError) -> int:
        """As the reference of commands lists them."""
        return exit_code_of(error)


app = typer.Typer(
    cls=_Commands,
    help="Run the Meterline gateway agent, check it and its configuration.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DEFAULT_CONFIG = Path("/etc/meterline/edge.toml")
DEFAULT_IDENTITY = Path("/var/lib/meterline/identity")

Config = Annotated[Path, typer.Option("--config", "-c", help="Configuration file of the agent.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _fail(error: MeterlineError, *, as_json: bool = False) -> NoReturn:
    report_failure(error, as_json=as_json)
    raise typer.Exit(exit_code_of(error))


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's way
    if wanted:
        typer.echo(named_version(PROGRAM))
        raise typer.Exit


@app.callback()
def _frame(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def run(
    config: Config = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Log JSON lines.")] = False,  # noqa: FBT002 - typer's way
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log debug events too.")] = False,  # noqa: FBT002
) -> None:
    """Read the meters and send their readings to the centre, until SIGINT or SIGTERM.

    SIGHUP reads the configuration again.
    """
    import asyncio  # noqa: PLC0415 - `--help` and `status` need none of this

    from edge_agent.config.settings import load_config  # noqa: PLC0415
    from edge_agent.main import run_until_signal  # noqa: PLC0415
    from firmware_bridge.log_lines import STANDARD_ERROR, log_to  # noqa: PLC0415

    log_to(STANDARD_ERROR, as_json=as_json, level=logging.DEBUG if verbose else logging.INFO)
    try:
        asyncio.run(run_until_signal(lambda: load_config(config), str(config)))
    except MeterlineError as error:
        _fail(error, as_json=as_json)
    except BaseExceptionGroup as group:
        matching, rest = group.split(MeterlineError)
        if matching is None or rest is not None:
            raise
        _fail(_first(matching), as_json=as_json)


@app.command()
def status(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Show the state of the agent; reads its buffer file when the agent is down."""
    from edge_agent.config.settings import load_config  # noqa: PLC0415
    from edge_agent.monitoring.health import inspect_file  # noqa: PLC0415
    from edge_agent.monitoring.status_socket import ask, socket_path  # noqa: PLC0415

    try:
        path = load_config(config).buffer.path
        answer = ask(socket_path(path))
        health = json.loads(answer if answer is not None else inspect_file(path).to_json())
    except MeterlineError as error:
        _fail(error, as_json=as_json)
    typer.echo(json.dumps(health) if as_json else _describe(health))
    if health["disk_short"] or health["disk_failing"] or not health["readings"]["reconcile"]:
        raise typer.Exit(EXIT_ALARM)


@app.command()
def reload(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Make the running agent read its configuration again, and show the result."""
    from edge_agent.config.settings import load_config  # noqa: PLC0415
    from edge_agent.monitoring.reload_request import ask_reload  # noqa: PLC0415

    try:
        standing = ask_reload(load_config(config).buffer.path)
    except MeterlineError as error:
        _fail(error, as_json=as_json)
    if as_json:
        typer.echo(json.dumps(standing))
    elif refusal := standing["refusal"]:
        typer.echo(f"{refusal['code']}: {refusal['message']}", err=True)
    else:
        typer.echo(f"{standing['origin']} is in force: {standing['outcome']}.")
    if standing["refusal"]:
        raise typer.Exit(EXIT_CONFIGURATION)


def _marks_or_none(buffer: Path) -> dict[str, int]:
    """What the buffer keeps; nothing, and a word on the error stream, where it cannot be read."""
    from edge_agent.errors import BufferUnavailableError  # noqa: PLC0415
    from edge_agent.monitoring.health import kept_marks  # noqa: PLC0415

    try:
        return kept_marks(buffer)
    except BufferUnavailableError as error:
        typer.echo(
            f"{error.code}: {error.message} Which register is which table's is not known: one that"
            " the agent refuses (METER_IDENTITY_SHARED) is shown as a value.",
            err=True,
        )
        return {}


@app.command("listen")
def listen_to(
    config: Config = DEFAULT_CONFIG,
    meter: Annotated[
        list[str] | None, typer.Option("--meter", help="Listen to this meter only; repeatable.")
    ] = None,
    pause_s: Annotated[
        float, typer.Option(min=0.0, max=3600.0, help="Pause between reads of a meter [s].")
    ] = 5.0,
    count: Annotated[
        int, typer.Option(min=0, help="Stop after this many outcomes; 0 goes on until stopped.")
    ] = 0,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Read the meters and show what comes, what it is read as, or why not; store nothing.

    A line that only one program can hold, such as a serial port, is free while no agent runs.
    Exit code 4 if nothing was read.
    """
    import asyncio  # noqa: PLC0415

    from edge_agent.config.settings import load_config  # noqa: PLC0415
    from edge_agent.listen.lines import as_line, as_text  # noqa: PLC0415
    from edge_agent.listen.outcomes import chosen, listen  # noqa: PLC0415
    from edge_agent.polling.claims import Claims  # noqa: PLC0415

    async def show() -> bool:
        some, number = False, 0
        loaded = load_config(config)
        claims = Claims(_marks_or_none(loaded.buffer.path))
        claims.configure([settings.name for settings in loaded.meters])
        async with aclosing(
            listen(chosen(loaded.meters, meter or ()), pause_s, claims)
        ) as outcomes:
            async for outcome in outcomes:
                typer.echo(as_line(outcome) if as_json else as_text(outcome))
                some = some or outcome.read_out is not None
                number += 1
                if number == count:
                    break
        return some

    try:
        some = asyncio.run(show())
    except MeterlineError as error:
        _fail(error, as_json=as_json)
    if not some:
        raise typer.Exit(EXIT_ALARM)


@app.command()
def claim(  # noqa: PLR0913, PLR0917 - where to, and where it is kept
    centre: Annotated[str, typer.Option(help="Address of the centre, https://...")],
    code: Annotated[str, secret_argument("METERLINE_CLAIM_CODE", "Claim code.")] = "-",
    ca_file: Annotated[
        Path | None, typer.Option(help="Whom to trust there; default: the system's authorities.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Of keys and certificates.")] = DEFAULT_IDENTITY,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Claim this gateway's name: make its key here, fetch its certificate, write its configuration.

    Again with the same code, it goes on where it was interrupted.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    from edge_agent.config.identity import IdentitySettings  # noqa: PLC0415
    from edge_agent.enrolment.claim import claim_gateway  # noqa: PLC0415

    try:
        settings = IdentitySettings(centre=centre, folder=folder, ca_file=ca_file)
        gateway = claim_gateway(code, settings, config)
    except ValidationError:
        message = "The centre's address is not of the form https://meterline.example."
        _fail(ConfigurationError(message, value=centre), as_json=as_json)
    except MeterlineError as error:
        _fail(error, as_json=as_json)
    if as_json:
        typer.echo(json.dumps({"gateway": gateway, "config": str(config)}))
    else:
        typer.echo(
            f"This is {gateway}. {config} says so; add its [[meters]], then start the agent."
        )


@app.command("verify-update")
def verify_update(  # noqa: PLR0913, PLR0917 - what there is to compare
    manifest: Annotated[Path, typer.Argument(help="Signed announcement of the update.")],
    artefact: Annotated[Path, typer.Argument(help="Artefact that the announcement describes.")],
    installed: Annotated[str, typer.Option(help="Installed version, such as 1.4.0.")],
    config: Config = DEFAULT_CONFIG,
    floor: Annotated[
        str | None, typer.Option(help="Highest version ever installed, such as 1.4.0.")
    ] = None,
    component: Annotated[str, typer.Option(help="Component to install.")] = "agent",
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Check the signature and hash of an update, for an installer that need not trust the agent.

    Prints the version. Exit code 3 if it may not be installed.
    """
    from edge_agent.config.settings import load_config  # noqa: PLC0415
    from edge_agent.remote.update.verify import verify_update  # noqa: PLC0415
    from firmware_bridge.contract.errors import InvalidValueError, MessageError  # noqa: PLC0415
    from firmware_bridge.contract.release import Release  # noqa: PLC0415

    try:
        least = None if floor is None else Release.parse(floor)
        update = verify_update(
            load_config(config), manifest, artefact, component, Release.parse(installed), least
        )
    except (MessageError, InvalidValueError) as error:
        report_failure(error, as_json=as_json)
        raise typer.Exit(EXIT_CONFIGURATION) from None
    except MeterlineError as error:
        _fail(error, as_json=as_json)
    version = str(update.version)
    typer.echo(json.dumps({"version": version}) if as_json else version)


@app.command("check-config")
def check_config(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Check the configuration, drivers, certificates and buffer path; start nothing.

    Names every fault.
    """
    from edge_agent.config.settings import load_config  # noqa: PLC0415
    from edge_agent.main import faults_of, faults_of_file  # noqa: PLC0415

    wrong: tuple[MeterlineError, ...]
    try:
        loaded = load_config(config)
    except MeterlineError as error:
        wrong = faults_of_file(config, error)
    else:
        wrong = faults_of(loaded)
    if wrong:
        for fault in wrong:
            report_failure(fault, as_json=as_json)
        raise typer.Exit(max(map(exit_code_of, wrong)))
    names = [meter.name for meter in loaded.meters]
    if as_json:
        typer.echo(json.dumps({"gateway": loaded.gateway, "meters": names}))
    else:
        typer.echo(f"{config} is valid: gateway {loaded.gateway}, {len(names)} meters.")


def _describe(health: dict[str, Any]) -> str:
    readings = health["readings"]
    oldest = health["oldest_unacknowledged_s"]
    lines = [
        f"gateway   {health['gateway']} ({'running' if health['running'] else 'not running'})",
        *_configuration(health["configuration"]),
        *_remote(health.get("remote")),
        *_certificate(health.get("certificate")),
        f"broker    {_word(health['connected'], 'connected', 'not connected')}"
        + (f" to {broker}" if (broker := health.get("broker")) else "")
        + (f": {failure}" if (failure := health["broker_failure"]) else ""),
        f"clock     {health['clock_quality'] or 'unknown'}",
        f"disk      {_disk(health)}",
        f"backlog   {health['backlog']} batches"
        + ("" if oldest is None else f", the oldest is {oldest:.0f} s old"),
        f"readings  {readings['read']} read = {readings['held']} waiting"
        f" + {readings['unacknowledged']} unacknowledged"
        f" + {readings['acknowledged']} acknowledged + {readings['voided']} void"
        + ("" if readings["reconcile"] else "  THE SUM DOES NOT MATCH"),
    ]
    if counts := {kind: count for kind, count in health["events"].items() if count}:
        lines.append("events    " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
    lines += [
        f"meter     {name}: last good read {meter['last_good_read'] or 'never'}"
        + (f", failing: {meter['failure']}" if meter["failure"] else "")
        for name, meter in health["meters"].items()
    ]
    lines += [
        f"refused   {item['meter']}: {item['count']} x {item['code']}, last at {item['at']}:"
        f" {item['reason']}"
        for item in health["refused"]
    ]
    return "\n".join(lines)


def _configuration(standing: dict[str, Any] | None) -> list[str]:
    if standing is None:
        return []
    lines = [f"config    {standing['origin']}, in force since {standing['since']}"]
    if refusal := standing["refusal"]:
        lines.append(f"          a later one is REFUSED: {refusal['message']}")
    return lines


def _remote(table: dict[str, Any] | None) -> list[str]:
    if table is None:
        return []
    lines = []
    if (config := table["configuration"]) is not None:
        lines.append(f"remote    configuration {config['version']}, {config['state']}")
        if config["code"]:
            lines.append(f"          {config['refused']} is REFUSED: {config['reason']}")
    for update in table["updates"]:
        said = f"update    {update['component']} {update['version']}: {update['state']}"
        lines.append(said + (f", {update['code']}: {update['reason']}" if update["code"] else ""))
    return lines


def _certificate(table: dict[str, Any] | None) -> list[str]:
    if table is None:
        return []
    failure = table["failure"]
    return [f"identity  holds until {table['not_after']}" + (f": {failure}" if failure else "")]


def _word(value: bool | None, yes: str, no: str) -> str:  # noqa: FBT001 - a value, no switch
    return "unknown" if value is None else yes if value else no


def _disk(health: dict[str, Any]) -> str:
    return (
        "WRITES FAIL"
        if health["disk_failing"]
        else _word(health["disk_short"], "NEARLY FULL", "good")
    )


def _first(group: BaseExceptionGroup[MeterlineError]) -> MeterlineError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, MeterlineError):
        raise TypeError(error)
    return error


def main() -> None:
    """The entry point of `meterline-edge`."""
    app(prog_name=PROGRAM)


if __name__ == "__main__":
    main()
