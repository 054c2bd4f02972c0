"""M-Bus over the air: EN 13757-4, and what radio receivers make of it."""
