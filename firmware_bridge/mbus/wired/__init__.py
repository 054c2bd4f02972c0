"""M-Bus over two wires: EN 13757-2.

Owns link frames and how they are found in a stream. It does not read records;
`firmware_bridge.mbus.application` does.
"""
