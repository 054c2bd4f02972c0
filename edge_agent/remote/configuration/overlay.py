"""The gateway's own file with the meters that the centre says.

The centre says which meters are read, how, and how often; everything else, and above all what is
secret, stays with the gateway. A meter of the same name and protocol in the gateway's own file
lends its keys, and its user and password where it stands at the same place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.config.settings import EdgeConfig, MeterSettings
from edge_agent.remote.errors import ConfigurationInvalidError

METERS_MAX: Final = 500
KEYS: Final = ("key", "auth_key", "count_file")
CREDENTIALS: Final = ("username", "password")
_PLACE: Final = ("host", "port", "serial_port")


class _Remote(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    meters: Annotated[tuple[MeterSettings, ...], Field(max_length=METERS_MAX)]


def overlay(local: EdgeConfig, toml: str) -> EdgeConfig:
    """The configuration that results.

    Args:
        local: The gateway's own.
        toml: `[[meters]]` tables and nothing else.

    Raises:
        ConfigurationInvalidError: Names the key; never repeats a value, which may be secret.
    """
    wanted = _parse(toml).meters
    names = [meter.name for meter in wanted]
    if twice := next((name for name in names if names.count(name) > 1), None):
        message = f"The configuration has two meters with the name {twice!r}."
        raise ConfigurationInvalidError(message, value=twice)
    homes = {meter.name: meter for meter in local.meters}
    meters = tuple(_endow(meter, homes.get(meter.name)) for meter in wanted)
    return local.model_copy(update={"meters": meters})


def _parse(toml: str) -> _Remote:
    try:
        return _Remote(**tomllib.loads(toml))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "(top)"
            message = f"The configuration: `{key}`: {first['msg'].rstrip('.')}."
            raise ConfigurationInvalidError(
                message, value=key, remedy="It may contain [[meters]] only."
            ) from None
        message = f"The configuration is not valid TOML: {error}."
        raise ConfigurationInvalidError(message) from None


def _endow(meter: MeterSettings, home: MeterSettings | None) -> MeterSettings:
    said = meter.driver_settings
    if secret := next((key for key in (*KEYS, *CREDENTIALS) if key in said), None):
        message = (
            f"The meter {meter.name!r} has `{secret}`, which only the gateway's file may have."
        )
        remedy = "Move it to the gateway's file, under a meter of the same name."
        raise ConfigurationInvalidError(message, value=secret, remedy=remedy)
    if home is None or home.protocol != meter.protocol:
        return meter
    kept = home.driver_settings
    lent = KEYS if not _same_place(said, kept) else (*KEYS, *CREDENTIALS)
    further = {key: kept[key] for key in lent if key in kept}
    return MeterSettings(**{**meter.model_dump(), **further}) if further else meter


def _same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in _PLACE)
