"""The configuration file of a gateway.

Owns its keys, limits and defaults. It does not read meters to check them.
"""
