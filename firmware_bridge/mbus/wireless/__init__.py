"""M-Bus over the air: EN 13757-4, and what radio receivers make of it.

Owns radio frames and how they are found in a stream. It does not read records;
`firmware_bridge.mbus.application` does.
"""
