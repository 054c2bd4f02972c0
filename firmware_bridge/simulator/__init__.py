"""Virtual meters that speak the real protocols and replay real loads.

`load` reads a series of energy per step, `replay` makes an exact counter of it, `meter` is the
device with its clock, memory and faults, `shown` what a telegram takes from it. `p1`, `sml`,
`dlms`, `mbus`, `optical`, `radio` and `devices` spell it in a protocol; `push`, `asked`, `modbus`,
`publish` and `gpio` put it on the wire; `stage` sets all that up, with the configuration for it.
"""
