"""DSMR P1: the customer port of Dutch, Belgian, Luxembourg, Nordic and Hungarian meters.

Owns the driver and the encrypted form. It does not parse the text; `firmware_bridge.iec62056_21`
does.
"""
