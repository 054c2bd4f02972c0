"""Meters that speak Modbus TCP: register maps, pure decoding, one serialised connection."""
