"""Sign configurations and announce updates, for gateways to fetch at the broker."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from central.service.ports.remote import GatewayLine, SigningKey
from firmware_bridge.contract.errors import EnvironmentFaultError, OperatorError
from firmware_bridge.contract.messages import Status
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import (
    RemoteConfiguration,
    Update,
    decode_configuration,
    decode_update,
    encode_configuration,
    encode_update,
)
from firmware_bridge.contract.signed import Purpose, Signed, key_id, open_signed, to_sign


class BrokerUnavailableError(EnvironmentFaultError):
    """The broker is unavailable, or does not allow the centre this."""

    code = "BROKER_UNAVAILABLE"


class GatewayTableError(OperatorError):
    """The configuration for a gateway holds what the centre may not say."""

    code = "GATEWAY_TABLE"
    default_remedy = "Leave it out: the gateway's own file says it."


@dataclass(frozen=True, slots=True)
class InstallableArtefact:
    """What a gateway is to install.

    Args:
        component: `agent`, or a name that the gateway's installer knows.
        version: Its version.
        minimum: The lowest version from which it may be installed; None for any.
        sha256: Of the file.
        size: Of the file. [bytes]
        url: Where gateways fetch it.
    """

    component: str
    version: Release
    minimum: Release | None
    sha256: bytes
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class Instruct:
    """Whoever may tell gateways what to do.

    Args:
        line: To the broker.
        key: One that the gateways trust.
        clock: Now, aware.
    """

    line: GatewayLine
    key: SigningKey
    clock: Callable[[], datetime]

    async def configure(self, gateway: str, toml: str, version: int | None = None) -> int:
        """Leave a signed configuration for a gateway.

        Args:
            gateway: Whose.
            toml: `[[meters]]` tables; the gateway checks each.
            version: Higher than every one before; None takes the present second since 1970 UTC.

        Returns:
            The version.

        Raises:
            GatewayTableError: The text is not valid TOML, or has more than meters.
            MessageError: A field is out of its range.
            BrokerUnavailableError: It was not left.
        """
        _check(toml)
        now = self.clock()
        number = int(now.timestamp()) if version is None else version
        body = encode_configuration(RemoteConfiguration(gateway, number, now, toml))
        decode_configuration(body)
        await self._leave(gateway, Purpose.CONFIGURATION, body)
        return number

    async def announce(self, gateway: str, artefact: InstallableArtefact) -> None:
        """Leave a signed announcement of an update for a gateway.

        Raises:
            MessageError: A field is out of its range.
            BrokerUnavailableError: It was not left.
        """
        one = artefact
        body = encode_update(
            Update(
                gateway,
                one.component,
                one.version,
                one.minimum,
                one.sha256,
                one.size,
                one.url,
                self.clock(),
            )
        )
        decode_update(body)
        await self._leave(gateway, Purpose.UPDATE, body)

    async def _leave(self, gateway: str, purpose: Purpose, body: bytes) -> None:
        name = key_id(self.key.public)
        signature = self.key.sign(to_sign(purpose, name, body))
        payload = Signed(purpose, name, signature, body).encode()
        open_signed(purpose, payload)
        await self.line.leave(gateway, purpose, payload)


async def gateway_standings(line: GatewayLine, gateways: Collection[str]) -> dict[str, Status]:
    """What gateways last reported; of all where none is named.

    Raises:
        BrokerUnavailableError: The broker is unavailable.
    """
    return await line.statuses(gateways)


def _check(toml: str) -> None:
    try:
        table = tomllib.loads(toml)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"The file is not valid TOML: {error}."
        raise GatewayTableError(message) from None
    if further := set(table) - {"meters"}:
        message = f"The file has {min(further)!r}; only [[meters]] can be set from here."
        remedy = "Everything else belongs in the gateway's own file."
        raise GatewayTableError(message, value=min(further), remedy=remedy)
    if "meters" not in table:
        message = "The file has no [[meters]]."
        raise GatewayTableError(message, remedy="Write `meters = []` to read no meter.")
