"""`python -m firmware_bridge.cli`."""

from firmware_bridge.cli.app import main

main()
