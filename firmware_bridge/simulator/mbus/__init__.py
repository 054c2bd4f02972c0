"""Virtual M-Bus meters, wired and wireless."""
