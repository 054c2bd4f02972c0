"""How the web process is reached and who may use it."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field

from central.config.secret import apart, strong
from firmware_bridge.contract.errors import ConfigurationError

LOOPBACK_PROXIES = ("127.0.0.1", "::1")
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the web process is reached and who may use it.

    Without a token whoever reaches the port is the operator, so that is allowed on the loopback
    interface only, and only under a loopback name (another name is a rebound one).

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        token: The operator's secret, at least 32 bytes; None on loopback only.
        secret: Key that signs sessions, at least 32 bytes; processes that share work share it.
            Random by default, which ends all sessions at a restart.
        lasting_key: Whether it outlives a restart: second factors are sealed by it.
        session_s: How long a signed-in browser stays so. [s]
        trusted_proxies: Addresses and networks of proxies whose word counts on who asks, and
            whether by TLS.
        requests_per_s: Requests a second that one actor may make; 0 for any number.
        hosts: Host names served besides `host`, without port; with a token and none named, any.

    Raises:
        ConfigurationError: No token on an address that others can reach.
        SecretRefusedError: Token or secret is blank, too short or too uniform, or they are one.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = field(default=None, repr=False)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    lasting_key: bool = False
    session_s: int = 12 * 3600
    trusted_proxies: tuple[str, ...] = LOOPBACK_PROXIES
    hosts: tuple[str, ...] = ()
    requests_per_s: int = 1_000

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            message = f"Without an operator token, anyone could use the service on {self.host}."
            remedy = "Set METERLINE_WEB_TOKEN, or listen on 127.0.0.1."
            raise ConfigurationError(message, value=self.host, remedy=remedy)
        for proxy in self.trusted_proxies:
            _check_network(proxy)
        if self.token is not None:
            strong(self.token, "The operator's token")
        strong(self.secret, "The key that signs sessions")
        apart(self.secret, self.token, "The key that signs sessions", "the operator's token")

    @property
    def open(self) -> bool:
        """Whether no sign-in is needed."""
        return self.token is None

    def serves(self, name: str) -> bool:
        """Whether a request under a host name is for us."""
        if self.open:
            return name in LOOPBACK_NAMES or name == self.host or name in self.hosts
        return not self.hosts or name in self.hosts or name == self.host


def _check_network(proxy: str) -> None:
    try:
        ipaddress.ip_network(proxy)
    except ValueError as error:
        message = f"{proxy!r} is neither an address nor a network."
        remedy = 'Write METERLINE_WEB_TRUSTED_PROXIES as JSON, such as ["10.0.0.7", "10.1.0.0/16"].'
        raise ConfigurationError(message, value=proxy, remedy=remedy) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
