"""Meter models as data: one TOML file each, found by name.

A file of your own is used by giving its path. The format is described in
docs/reference/meter-profiles.md.

It does not read a meter.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

from firmware_bridge.driver.table_faults import read_toml
from firmware_bridge.modbus.profiles.document import MeterProfileError, UnknownProfileError, build
from firmware_bridge.modbus.register_map import MeterProfile

__all__ = [
    "MeterProfileError",
    "UnknownProfileError",
    "load_profile",
    "profile_names",
    "read_profile",
]

_SUFFIX = ".toml"


def profile_names() -> tuple[str, ...]:
    """The names of all models that ship with Meterline, ascending."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def load_profile(name: str) -> MeterProfile:
    """A meter model.

    Args:
        name: One of `profile_names`, or the path of a file that ends in `.toml`.

    Raises:
        UnknownProfileError: There is no such model, or the file cannot be read.
        MeterProfileError: The file is not a valid profile; names all its faults.
    """
    if name.endswith(_SUFFIX):
        return read_profile(Path(name))
    if name not in profile_names():
        message = f"The meter profile {name!r} does not exist."
        remedy = f"Known: {', '.join(profile_names())}; or give the path of a .toml file."
        raise UnknownProfileError(message, value=name, remedy=remedy)
    return _shipped(name)


def read_profile(path: Path) -> MeterProfile:
    """The meter model that a file describes.

    Raises:
        UnknownProfileError: The file cannot be read.
        MeterProfileError: It is not a valid profile; names all its faults.
    """
    table = read_toml(path, MeterProfileError, "meter profile", UnknownProfileError)
    return build(path.name.removesuffix(_SUFFIX), table)


@cache
def _shipped(name: str) -> MeterProfile:
    """A model of this package; a file of one's own may change while the agent runs."""
    text = (files(__name__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
    return build(name, tomllib.loads(text))
