"""Where the broker is, for processes and commands."""

from __future__ import annotations

from central.adapters.mqtt.worker import BrokerAddress
from central.config.broker import BrokerSettings


def broker_address(settings: BrokerSettings) -> BrokerAddress:
    """The broker that the settings name."""
    password = settings.broker_password
    return BrokerAddress(
        settings.broker_host,
        settings.broker_port,
        settings.broker_username,
        None if password is None else password.get_secret_value(),
        settings.tls(),
    )
