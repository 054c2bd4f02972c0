"""Devices that publish their readings to an MQTT broker themselves.

Owns how their topics and payloads are read. It does not publish anything, and is not the way to the
centre.
"""
