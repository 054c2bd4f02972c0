"""M-Bus, wired (EN 13757-2 and -3) and wireless (EN 13757-4, OMS)."""
