"""Virtual devices that publish over MQTT."""
