"""`meterline-bridge`: try meters out, and play virtual ones."""

from firmware_bridge.cli.app import app, main

__all__ = ["app", "main"]
