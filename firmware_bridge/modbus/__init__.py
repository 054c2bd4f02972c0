"""Meters that speak Modbus TCP: register maps, pure decoding, one serialised connection.

It does not write to a meter.
"""
