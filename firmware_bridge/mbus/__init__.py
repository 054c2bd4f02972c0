"""M-Bus, wired (EN 13757-2 and -3) and wireless (EN 13757-4, OMS).

`application` reads what telegrams say; `wired` and `wireless` bring them; `driver` (wired) and
`radio` are the two drivers that the agent finds by their entry points.

It does not store or send readings.
"""
