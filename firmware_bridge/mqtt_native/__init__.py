"""Devices that publish their readings to an MQTT broker themselves."""
