"""M-Bus over two wires: EN 13757-2."""
