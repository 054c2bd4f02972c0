"""`[identity]`: a gateway whose certificate comes from the centre, and is renewed there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from edge_agent.config.address import has_usable_port

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _centre(url: str) -> str:
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    is_whole = parts.hostname and has_usable_port(parts)
    if not is_safe or not is_whole or parts.query or parts.fragment:
        message = "`centre` is not of the form https://meterline.example"
        raise ValueError(message)
    return url.rstrip("/")


class IdentitySettings(BaseModel):
    """`[identity]`: where certificates come from; `meterline-edge claim` writes it.

    Args:
        centre: The centre's address, https.
        folder: Where keys and certificates are kept.
        ca_file: Whom to trust at that address; None: the system's authorities.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    centre: Annotated[str, AfterValidator(_centre)]
    folder: Path = Path("/var/lib/meterline/identity")
    ca_file: Path | None = None
