"""`meterline-bridge`: try meters out, and play virtual ones.

Owns the arguments and what is printed. It does not decode; the protocols do.
"""

from firmware_bridge.cli.app import app, main

__all__ = ["app", "main"]
