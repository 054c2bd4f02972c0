"""Virtual devices that publish over MQTT.

Owns the payloads that devices send, and their publishing. It does not run a broker.
"""
