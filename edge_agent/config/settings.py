"""The agent's configuration: one TOML file, any value of which an environment variable overrides.

`METERLINE_EDGE_BROKER__URL` stands for `url` in `[broker]`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edge_agent.clock import ClockSource
from edge_agent.config.address import has_usable_port
from edge_agent.config.broker import Broker
from edge_agent.config.identity import IdentitySettings
from edge_agent.config.remote import RemoteSettings, UpdateSettings
from edge_agent.meter_clock import Trust
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import PERIOD_MAX_S
from firmware_bridge.contract.topics import check_gateway
from firmware_bridge.driver.table_faults import faults, read_toml, sentence

PREFIX = "METERLINE_EDGE_"
# Keys by which tables read one device each for other registers of it.
_REGISTERS = ("obis", "registers")
BROKERS_MAX = 8
PORTS = {"mqtt": 1883, "mqtts": 8883}
# Keys that name files.
_PATHS = (
    "buffer.path",
    "broker.ca_file",
    "broker.cert_file",
    "broker.key_file",
    "brokers.ca_file",
    "brokers.cert_file",
    "brokers.key_file",
    "identity.folder",
    "identity.ca_file",
    "update.spool",
    "update.ca_file",
    "meters.profile",
    "meters.lists",
    "meters.mappings",
    "meters.count_file",
)
CLOCK_MAX_S = 31 * 86_400
_FACTOR = re.compile(r"(?=[\d.]{1,10}$)\d+(\.\d+)?", re.ASCII)


class ConfigurationFileError(ConfigurationError):
    """The configuration cannot be read, or a key in it is missing, unknown or wrong."""

    code = "CONFIGURATION_FILE"


def _gateway(name: str) -> str:
    try:
        return check_gateway(name)
    except InvalidValueError as error:
        raise ValueError(error.message) from error


def _factor(value: object) -> Decimal:
    """An exact factor: a float would not be the one that was written."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | str) and _FACTOR.fullmatch(str(value)) and Decimal(value) > 0:
        return Decimal(value)
    message = 'a factor is a number above 0 as text, such as "0.1", with up to 9 digits'
    raise ValueError(message)


def _code(text: str) -> str:
    return str(Obis.parse(text))


class BrokerSettings(BaseModel):
    """`[broker]`, or one of `[[brokers]]`: where it is, and how the gateway is admitted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in PORTS or not parts.hostname or not has_usable_port(parts):
            message = "`url` is not of the form mqtts://host:8883 or mqtt://host:1883"
            raise ValueError(message)
        if parts.scheme == "mqtt" and (self.ca_file or self.cert_file):
            message = "client certificates need a `url` with mqtts://"
            raise ValueError(message)
        return self

    def broker(self) -> Broker:
        """The same, as the uplink takes it."""
        parts = urlsplit(self.url)
        return Broker(
            host=parts.hostname or "",
            port=parts.port or PORTS[parts.scheme],
            username=self.username,
            password=None if self.password is None else self.password.get_secret_value(),
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            tls=parts.scheme == "mqtts",
            keepalive_s=self.keepalive_s,
        )


class BufferSettings(BaseModel):
    """`[buffer]`: where readings are kept until the centre has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Path("/var/lib/meterline/buffer.db")


class ClockSettings(BaseModel):
    """`[clock]`: who says whether the clock is right."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: ClockSource = ClockSource.KERNEL


class MetricsSettings(BaseModel):
    """`[metrics]`: figures for Prometheus on 127.0.0.1; without a port, none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[int, Field(ge=1, le=65_535)] | None = None


class MeterSettings(BaseModel):
    """One `[[meters]]` table. Keys that are not listed here are the driver's.

    Args:
        name: Names the meter on this gateway; the progress of its back-fill hangs on it.
        protocol: Which driver.
        period_s: Distance of live reads, on UTC boundaries. [s]
        read_timeout_s: A read that takes longer is given up. [s]
        load_profile: Whether the meter's own memory is read.
        backfill_from: Its older entries are not asked for; None: as far as it remembers.
        capacity_w: What the connection can carry; proves a rollover and a leap. None: not known.
            [W]
        scale: The true value of its counters over what it shows, a decimal number as text.
        scaled_codes: Registers that `scale` holds for; empty: all that count energy or volume.
        use_gateway_time: The meter's own time is never believed.
        clock_tolerance_s: Where it is further from the gateway's, that is used. [s]
        clock_absurd_s: So far before what is known to have passed it is not believed either while
            the gateway's clock is not known. [s]
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
    protocol: str
    period_s: Annotated[int, Field(ge=1, le=PERIOD_MAX_S)] = 900
    read_timeout_s: Annotated[float, Field(gt=0, le=300)] = 20.0
    load_profile: bool = True
    backfill_from: AwareDatetime | None = None
    capacity_w: Annotated[int, Field(gt=0)] | None = None
    scale: Annotated[Decimal, BeforeValidator(_factor)] | None = None
    scaled_codes: tuple[Annotated[str, AfterValidator(_code)], ...] = ()
    use_gateway_time: bool = False
    clock_tolerance_s: Annotated[float, Field(ge=1, le=CLOCK_MAX_S)] = 180.0
    clock_absurd_s: Annotated[float, Field(ge=1, le=CLOCK_MAX_S)] = 86_400.0

    @model_validator(mode="after")
    def _check_scale(self) -> Self:
        if self.scaled_codes and self.scale is None:
            message = "`scaled_codes` needs `scale`"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _check_clock(self) -> Self:
        if self.clock_absurd_s < self.clock_tolerance_s:
            message = "`clock_absurd_s` is less than `clock_tolerance_s`"
            raise ValueError(message)
        return self

    @property
    def trust(self) -> Trust:
        """How far the meter's own time is believed."""
        near, absurd = (timedelta(seconds=s) for s in (self.clock_tolerance_s, self.clock_absurd_s))
        return Trust(near, absurd, self.use_gateway_time)

    @property
    def driver_settings(self) -> dict[str, Any]:
        """What the driver is made from."""
        return dict(self.__pydantic_extra__ or {})

    def is_alike(self, other: MeterSettings) -> bool:
        """Whether both tables name the same device, and not each other registers of it."""
        mine, theirs = self.driver_settings, other.driver_settings
        if mine.get("serial") is None or mine["serial"] != theirs.get("serial"):
            return False
        kinds = [(table.get("manufacturer"), table.get("profile")) for table in (mine, theirs)]
        same_maker = kinds[0] == kinds[1] and self.protocol == other.protocol
        maker = mine.get("manufacturer")
        same_maker = same_maker or (maker is not None and maker == theirs.get("manufacturer"))
        return same_maker and all(mine.get(key) == theirs.get(key) for key in _REGISTERS)


def alike_meters(meters: Sequence[MeterSettings]) -> Iterator[str]:
    """What is wrong of tables that are each right: names and devices that are there twice.

    Args:
        meters: In the order of the file.
    """
    names = Counter(meter.name for meter in meters)
    for name, count in names.items():
        if count > 1:
            yield f"two meters have the name {name!r}"
    for first, second in combinations(meters, 2):
        if second.is_alike(first):
            yield (
                f"{first.name!r} and {second.name!r} have the same `serial` and maker, and would"
                " become one meter"
            )


class EdgeConfig(BaseSettings):
    """Everything that an agent is told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    gateway: Annotated[str, AfterValidator(_gateway)]
    identity: IdentitySettings | None = None
    broker: BrokerSettings | None = None
    brokers: Annotated[tuple[BrokerSettings, ...], Field(max_length=BROKERS_MAX)] = ()
    buffer: BufferSettings = BufferSettings()
    clock: ClockSettings = ClockSettings()
    metrics: MetricsSettings = MetricsSettings()
    remote: RemoteSettings = RemoteSettings()
    update: UpdateSettings = UpdateSettings()
    meters: tuple[MeterSettings, ...] = ()

    def routes(self) -> tuple[Broker, ...]:
        """The brokers, in the order in which they are tried."""
        listed = self.brokers if self.broker is None else (self.broker,)
        return tuple(settings.broker() for settings in listed)

    @model_validator(mode="after")
    def _check_brokers(self) -> Self:
        if (self.broker is None) is not bool(self.brokers):
            message = (
                "the broker is named by `[broker]` with `url`, several by one `[[brokers]]` each"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if alike := "; ".join(alike_meters(self.meters)):
            raise ValueError(alike)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file, which comes in as arguments."""
        return env_settings, init_settings


def load_config(path: Path) -> EdgeConfig:
    """Read and check a configuration file.

    Raises:
        ConfigurationFileError: Names the file, the key, and what to do.
    """
    return parse_config(read_table(path), origin=str(path))


def read_table(path: Path) -> dict[str, Any]:
    """The tables of a configuration file, with its paths counted from its folder.

    Raises:
        ConfigurationFileError: It cannot be read, or is not valid TOML.
    """
    table = read_toml(path, ConfigurationFileError, "configuration")
    _resolve(table, path.resolve().parent)
    return table


def parse_config(table: dict[str, Any], origin: str = "the configuration") -> EdgeConfig:
    """Check a configuration that is already in memory.

    Raises:
        ConfigurationFileError: Names the origin, the key, and what to do.
    """
    try:
        return EdgeConfig(**table)
    except ValidationError as error:
        listed = faults(error)
        first = listed[0]
        message = f"{origin}: {sentence(listed, '(top)')}"
        remedy = _remedy(first.kind, first.key or "(top)")
        raise ConfigurationFileError(message, value=first.value, remedy=remedy) from error


def _resolve(table: dict[str, Any], folder: Path) -> None:
    """Paths in a file count from its folder, wherever the agent was started."""
    for name in _PATHS:
        section, key = name.split(".")
        values = table.get(section)
        for entry in values if isinstance(values, list) else [values]:
            if isinstance(entry, dict) and key in entry:
                entry[key] = _from(folder, key, entry[key])


def _from(folder: Path, key: str, value: object) -> object:
    if isinstance(value, list):
        return [_from(folder, key, item) for item in value]
    if not isinstance(value, str) or not value or (key == "profile" and value[-5:] != ".toml"):
        return value  # whoever checks it says what is wrong, or it is the name of a model
    return str(folder / value)


def _remedy(kind: str, key: str) -> str:
    if kind == "missing":
        return f"Add `{key}`, or set {PREFIX}{key.upper().replace('.', '__')}."
    if kind == "extra_forbidden":
        return "Remove it, or correct its spelling."
    return "Correct it; the manual's page *Configure a gateway* has every key."
