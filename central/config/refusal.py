"""What is wrong with a setting, in a sentence."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_settings import SettingsError

from central.config.secret import PREFIX
from firmware_bridge.contract.errors import ConfigurationError


def refusal_of(error: ValidationError | SettingsError) -> ConfigurationError:
    """The error of a setting as one of ours, which never repeats the value: it may be a secret."""
    if isinstance(error, SettingsError):
        # It names the field in a sentence.
        field = str(error).partition('field "')[2].partition('"')[0]
        return ConfigurationError(f"{PREFIX}{field.upper()} is not valid JSON.")
    first = error.errors()[0]
    name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
    return ConfigurationError(f"{name} is refused: {first['msg']}.")
