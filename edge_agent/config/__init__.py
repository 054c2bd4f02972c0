"""The configuration file of a gateway."""
