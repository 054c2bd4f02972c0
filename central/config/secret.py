"""What a secret must be before a process starts on it, and where secrets may lie as files."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr, ValidationInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from central.config.renamed import RenamedSource, refuse_retired
from firmware_bridge.contract.errors import ConfigurationError

PREFIX = "METERLINE_"
SECRET_MIN_BYTES = 32
PASSWORD_MIN_BYTES = 8
FOLDERS = ("METERLINE_SECRETS_DIR", "CREDENTIALS_DIRECTORY")
# The least length over the least number of different characters: 8 of 32, as random hex always has.
_REPEATED = 4
HOW_TO_MAKE_ONE = "Make one with `openssl rand -hex 32`."


class SecretRefusedError(ConfigurationError):
    """A secret is blank, or so short or so uniform that it could be guessed."""

    code = "SECRET_REFUSED"


class SettingMissingError(ConfigurationError):
    """A setting that the command needs is not given."""

    code = "SETTING_MISSING"


class SecretsFolderError(ConfigurationError):
    """The folder that should hold secrets cannot be used."""

    code = "SECRETS_FOLDER"


def strong(secret: str | bytes, name: str, least: int = SECRET_MIN_BYTES) -> None:
    """Refuse a secret that could be guessed; blanks around a text do not count.

    Args:
        secret: As it was given; it is never repeated in an error.
        name: What the one who gives it calls it.
        least: Its least length. [bytes]

    Raises:
        SecretRefusedError: It is blank or shorter, or few of its characters are different and can
            be seen.
    """
    not_blank(secret, name, HOW_TO_MAKE_ONE)
    length = len(secret.strip().encode() if isinstance(secret, str) else secret)
    if length < least:
        message = f"{name} has {length} bytes; it needs at least {least}."
        raise SecretRefusedError(message, remedy=HOW_TO_MAKE_ONE)
    different = len(set(filter(str.isprintable, secret) if isinstance(secret, str) else secret))
    wanted = least // _REPEATED
    if different < wanted:
        message = (
            f"{name} has {different} different printable characters; it needs at least {wanted}."
        )
        raise SecretRefusedError(message, remedy=HOW_TO_MAKE_ONE)


def apart(secret: str | bytes | None, token: str | None, name: str, other: str) -> None:
    """Refuse a signing key that is also what people send to sign in: who has one has both.

    Args:
        secret: The key; None where there is none.
        token: What people send; None where there is none.
        name: What the one who gives the key calls it.
        other: What they call the token.

    Raises:
        SecretRefusedError: They are the same.
    """
    if secret is None or token is None:
        return
    key = secret.strip().encode() if isinstance(secret, str) else secret
    if hmac.compare_digest(key, token.strip().encode()):
        message = f"{name} is the same as {other}."
        raise SecretRefusedError(message, remedy=HOW_TO_MAKE_ONE)


def not_blank(secret: str | bytes, name: str, remedy: str) -> None:
    """Refuse a secret that holds nothing but blanks.

    Args:
        secret: As it was given.
        name: What the one who gives it calls it.
        remedy: What to do where it is blank.

    Raises:
        SecretRefusedError: It is blank.
    """
    if not secret.strip():
        message = f"{name} is set but empty."
        raise SecretRefusedError(message, remedy=f"{remedy} Or remove the setting.")


def named_database(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """Refuse a DSN that is blank: the driver would take the database of whoever runs this.

    Raises:
        SecretRefusedError: It is blank.
    """
    if value is not None:
        remedy = "Name a database, such as postgresql://user@host/meterline."
        not_blank(value.get_secret_value(), variable(info), remedy)
    return value


def given_dsn(value: SecretStr | None, name: str) -> str:
    """A DSN that a process cannot do without.

    Raises:
        SettingMissingError: It is not set.
    """
    if value is None:
        message = "No database is configured."
        remedy = f"Set {name}, such as postgresql://user@host/meterline."
        raise SettingMissingError(message, value=name, remedy=remedy)
    return value.get_secret_value()


def variable(info: ValidationInfo) -> str:
    """The environment variable of a field that is being validated."""
    return f"{PREFIX}{info.field_name}".upper()


class FiledSettings(BaseSettings):
    """Settings from the environment, and from a folder that holds a file for each.

    The folder is `METERLINE_SECRETS_DIR`, or the one in which systemd puts credentials. A file has
    the variable's name, in any case of letters; the environment goes before it.

    Args:
        renamed: Fields that had another name, which still works, to that name.
        retired: Variables that are read no more, to what to do instead; one that is set is
            refused.
    """

    renamed: ClassVar[Mapping[str, str]] = {}
    retired: ClassVar[Mapping[str, str]] = {}

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where settings are looked for, in this order."""
        del dotenv_settings, file_secret_settings
        folder = secrets_folder()
        refuse_retired(cls.retired, folder)
        renamed = RenamedSource(settings_cls, cls.renamed, folder)
        if folder is None:
            return init_settings, env_settings, renamed
        filed = SecretsSettingsSource(settings_cls, folder)
        return init_settings, env_settings, filed, renamed


def secrets_folder() -> Path | None:
    """The folder with secrets as files; None where none is named.

    Raises:
        SecretsFolderError: Its value is not a folder.
    """
    name = next((name for name in FOLDERS if os.environ.get(name)), None)
    if name is None:
        return None
    folder = Path(os.environ[name])
    if not folder.is_dir():
        message = f"{name} names {folder}, which is not a folder."
        raise SecretsFolderError(message, value=str(folder))
    return folder
