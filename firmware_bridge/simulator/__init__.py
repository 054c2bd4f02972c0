"""Virtual meters that speak the real protocols and replay real loads.

`load` reads a series of energy per step, `replay` makes an exact counter of it, `meter` is the
device with its clock, memory and faults, `modbus` puts it on the wire.
"""
