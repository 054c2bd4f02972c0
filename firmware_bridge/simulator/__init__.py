"""Virtual meters that speak the real protocols and replay real loads.

`load` reads a series of energy per step, `replay` makes an exact counter of it, `meter` is the
device with its clock, memory and faults, `display` what a telegram takes from it. The rooms named
after protocols spell it as those do; `polled`, `pushed`, `pty`, `modbus.server`, `mqtt.publish` and
`pulse.gpio` put it on the wire. `site` sets all that up with the configuration that reads it, and
`compose` takes the command's options to sites. What stands outside the rooms serves all protocols.

It does not run in the agent.
"""
